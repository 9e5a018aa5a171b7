import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
	announcement,
	crowdWords,
	ordinal,
	resultWords as wordsOf,
	standing,
	troubleWords,
	turnWords,
} from "../../static/words.js";
import { after, delta, game, hello, list, live, local, seated, standing as told, table, user } from "./room.mjs";

const won = game("XXXOO....", null, { status: "won", winner: "X", line: [0, 1, 2] });
const resultWords = (state) => wordsOf(state, state.result);
const nobody = { action: "gameUpdate", game: null };
const ended = (status, winner = "X") => game("XX.OO....", null, { status, winner });
const stays = delta([seated("Ada", 1, "X", { streak: 3 }), seated("Cleo", 3, "O"), user("Ben", 4)]);

describe("numbers", () => {
	it("are written as people say them", () => {
		const said = [1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111, 1234].map(ordinal);
		assert.deepEqual(said, [
			"1st",
			"2nd",
			"3rd",
			"4th",
			"11th",
			"12th",
			"13th",
			"21st",
			"22nd",
			"101st",
			"111th",
			"1,234th",
		]);
	});

	it("leave out spectators when there are none", () => {
		assert.equal(crowdWords({ waiting: 1200, spectators: 0 }), "1,200 waiting");
		assert.equal(crowdWords({ waiting: 2, spectators: 3 }), "2 waiting · 3 watching");
	});
});

describe("whose turn it is", () => {
	it("depends on the reader", () => {
		assert.equal(turnWords(table("Ada")), "Your turn");
		assert.equal(turnWords(table("Ben")), "Ada’s turn");
	});

	it("is nobody's while a player is away", () => {
		const away = delta([seated("Ben", 2, "O", { absent: "2026-01-01T20:01:00+00:00" })]);
		assert.equal(turnWords(table("Ada", away)), "Ben is away, so the game is paused");
	});

	it("says that an opponent is missing", () => {
		const alone = [hello("id-Ada"), told("active", { marker: "X" }), list([seated("Ada", 1, "X")]), nobody];
		assert.equal(turnWords(after(...alone)), "You are the first one here");
		assert.equal(
			turnWords(after(hello("id-Eve"), told("spectator"), list([seated("Ada", 1, "X")]), nobody)),
			"Ada is waiting for an opponent",
		);
		assert.equal(turnWords(after(hello("id-Eve"), told("spectator"), list([]), nobody)), "The table is free");
	});
});

describe("a result", () => {
	it("tells the winner the reason and what comes next", () => {
		const words = resultWords(table("Ada", won, stays));
		assert.deepEqual(words, { title: "You win!", why: "Three in a row.", next: "You stay on with 3 wins in a row." });
	});

	it("tells the loser", () => {
		const state = table("Ben", won, stays, told("inactive", { position: 1 }));
		assert.deepEqual(resultWords(state), {
			title: "Ada wins",
			why: "Three in a row.",
			next: "You are now 1st in line.",
		});
	});

	it("tells everybody else", () => {
		assert.equal(resultWords(table("Eve", won, stays)).next, "Ada stays on with 3 wins in a row.");
	});

	it("knows every way to lose", () => {
		const why = (me, ...end) => resultWords(table(me, ended(...end))).why;
		assert.equal(why("Ada", "conceded"), "Ben conceded.");
		assert.equal(why("Ben", "conceded"), "You conceded.");
		assert.equal(why("Eve", "timeout"), "Ben ran out of time.");
		assert.equal(why("Eve", "abandoned", "O"), "Ada left the game.");
		assert.equal(why("Eve", "won"), "");
	});

	it("knows draws, rematches and games that nobody won", () => {
		const draw = game("XOXXOOOXX", null, { status: "draw" });
		assert.deepEqual(resultWords(table("Ada", draw)), {
			title: "A draw",
			why: "Board full.",
			next: "Nobody is waiting, so you play again.",
		});
		const nobody = game("XX.OO....", null, { status: "abandoned" });
		assert.equal(resultWords(table("Eve", nobody)).title, "Nobody wins");
	});

	it("tells a winner at the limit of wins", () => {
		const state = table(
			"Ada",
			won,
			delta([user("Ben", 4), user("Ada", 5)], ["id-Cleo"]),
			told("inactive", { position: 2 }),
		);
		assert.equal(resultWords(state).next, "You have won the most games allowed in a row. You are now 2nd in line.");
	});
});

describe("where I stand", () => {
	it("is said in one line", () => {
		assert.equal(standing(table("Ada")), "You play X");
		assert.equal(standing(table("Cleo")), "You are next");
		assert.equal(standing(table("Eve")), "You are watching");
		assert.equal(standing(after(hello("id-Zoe"), told("inactive", { position: 412 }))), "You are 412th in line");
	});
});

describe("the connection", () => {
	it("is not mentioned without a problem, nor on the first try", () => {
		assert.equal(troubleWords({ status: "live" }, 0), "");
		assert.equal(troubleWords({ status: "connecting" }, 0), "");
	});

	it("is described with what the page does", () => {
		assert.equal(
			troubleWords({ status: "waiting", reason: "lost" }, 3),
			"The connection was lost. Retrying in 3\u00a0s.",
		);
		assert.equal(
			troubleWords({ status: "connecting", reason: "restart" }, 0),
			"The server is restarting. Retrying now…",
		);
		assert.match(troubleWords({ status: "waiting", reason: "lost", offline: true }, 3), /^You are offline\./);
		assert.match(troubleWords({ status: "live", offline: true }, 0), /still responds/);
		assert.equal(troubleWords({ status: "replaced" }, 0), "You opened this room in another tab.");
	});
});

describe("what is read out", () => {
	const said = (me, from, to) => announcement(table(me, ...from), table(me, ...from, ...to));

	it("is the other's move, and that it is my turn", () => {
		assert.equal(said("Ben", [], [game("....X....", "O")]), "X in row 2, column 2. Your turn.");
	});

	it("is not my own move, which I have just made", () => {
		assert.equal(said("Ada", [], [game("....X....", "O")]), "Ben’s turn.");
	});

	it("is the result once, and whose turn comes then", () => {
		const next = game(".........", "X", { number: 2, players: { X: "id-Ada", O: "id-Cleo" } });
		assert.equal(
			said("Ada", [], [won, stays, next]),
			"You win! Three in a row. You stay on with 3 wins in a row. You play against Cleo. Your turn.",
		);
		assert.equal(said("Ada", [won, stays, next], [local({ result: null })]), "");
	});

	it("is that I am next, and that I am seated, but not every step forward", () => {
		const ahead = [delta([user("Zoe", 2), user("Yan", 3), user("Cleo", 4)])];
		assert.equal(said("Cleo", ahead, [delta([], ["id-Zoe"])]), "");
		assert.equal(said("Cleo", ahead, [delta([], ["id-Zoe", "id-Yan"])]), "You are next.");
		const up = [told("active", { marker: "O" }), delta([seated("Cleo", 3, "O")], ["id-Ben"])];
		assert.equal(said("Cleo", [], up), "You play O.");
	});

	it("is one's place once, with the result", () => {
		const back = [won, told("inactive", { position: 2 }), delta([user("Ben", 4), seated("Cleo", 3, "O")])];
		assert.equal(said("Ben", [], back), "Ada wins. Three in a row. You are now 1st in line.");
	});

	it("is a lost connection without the seconds, and that it is back", () => {
		const lost = local({ link: { status: "waiting", reason: "lost" } });
		assert.equal(said("Ada", [], [lost]), "The connection was lost. Reconnecting.");
		assert.equal(
			said("Ada", [lost, local({ link: { status: "connecting", reason: "lost" } })], [live]),
			"Reconnected.",
		);
	});

	it("does not guess the next game", () => {
		assert.equal(said("Ben", [], [won]), "Ada wins. Three in a row. Nobody is waiting, so you play again.");
	});

	it("is nothing when nothing happened", () => {
		assert.equal(said("Ada", [], [delta([], [], { waiting: 1, spectators: 8 })]), "");
	});
});
