import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { canMove, initial, isMyTurn, line, nameOf, place, reduce, seats, shownBoard } from "../../static/state.js";
import { after, delta, game, hello, list, live, local, refusal, seated, standing, table, user } from "./room.mjs";

const names = (users) => users.map((one) => one.username);
const move = (cell, requestId = "7") => local({ pending: { cell, requestId } });

describe("the list", () => {
	it("keeps the order of the line, in whatever order it arrives", () => {
		const state = after(list([user("Cleo", 3), user("Ada", 1), user("Ben", 2)]));
		assert.deepEqual(names(line(state)), ["Ada", "Ben", "Cleo"]);
	});

	it("is the same from a snapshot as from deltas", () => {
		const whole = after(list([seated("Ada", 1, "X"), user("Dev", 4), user("Ben", 5)]));
		const grown = after(
			list([seated("Ada", 1, "X"), seated("Ben", 2, "O"), user("Cleo", 3)]),
			delta([user("Dev", 4)]),
			delta([user("Ben", 5)], ["id-Cleo"], { waiting: 2 }),
		);
		assert.deepEqual(grown.users, whole.users);
		assert.equal(grown.waiting, whole.waiting);
	});

	it("keeps the objects of unchanged users, so that they are not drawn again", () => {
		const before = after(list([user("Ada", 1), user("Ben", 2)]));
		const next = reduce(before, delta([user("Cleo", 3)]));
		assert.equal(next.users[0], before.users[0]);
		assert.equal(next.users[1], before.users[1]);
	});

	it("leaves the message and the state it is given as they were", () => {
		const message = list([user("Ben", 2), user("Ada", 1)]);
		const copy = structuredClone(message);
		const before = after(list([user("Cleo", 3)]));
		const kept = structuredClone(before);
		reduce(before, message);
		reduce(before, delta([user("Dev", 4)], ["id-Cleo"]));
		assert.deepEqual(message, copy);
		assert.deepEqual(before, kept);
	});

	it("names a user without a name", () => {
		assert.equal(nameOf({ connectionId: "abcdef" }), "Guest abcd");
	});

	it("tells the seated users by marker", () => {
		const { X, O } = seats(table("Cleo"));
		assert.deepEqual([X.username, O.username], ["Ada", "Ben"]);
	});
});

describe("my place", () => {
	it("is counted in the window", () => {
		const state = after(hello("id-Ben"), standing("inactive", { position: 9 }), list([user("Ada", 1), user("Ben", 2)]));
		assert.equal(place(state), 2);
	});

	it("is what the server says beyond the window", () => {
		const state = after(
			hello("id-Zoe"),
			standing("inactive", { position: 412 }),
			list([user("Ada", 1)], { waiting: 500 }),
		);
		assert.equal(place(state), 412);
	});

	it("is none for players and spectators", () => {
		assert.equal(place(table("Ada")), 0);
		assert.equal(place(table("Eve")), 0);
	});
});

describe("a move", () => {
	it("is mine to make when it is my turn, the cell is free and the connection lives", () => {
		assert.ok(canMove(table("Ada"), 4));
		assert.ok(!canMove(table("Ben"), 4));
		assert.ok(!canMove(table("Cleo"), 4));
		assert.ok(!canMove(table("Ada", game("....O....", "X")), 4));
		assert.ok(!canMove(table("Ada", local({ link: { status: "waiting" } })), 4));
	});

	it("waits for a player who is away", () => {
		const away = delta([seated("Ben", 2, "O", { absent: "2026-01-01T20:01:00+00:00" })]);
		assert.ok(!isMyTurn(table("Ada", away)));
	});

	it("no longer waits for a player who has been away too often", () => {
		const away = delta([seated("Ben", 2, "O", { absent: "2026-01-01T20:01:00+00:00" })]);
		const late = game("....X...O", "X", { deadline: "2026-01-01T20:00:05+00:00" });
		assert.ok(canMove(table("Ada", away, late), 0));
	});

	it("is shown before it is confirmed, and no other can be made meanwhile", () => {
		const state = table("Ada", move(4));
		assert.equal(shownBoard(state).board, "....X....");
		assert.equal(shownBoard(state).pending, 4);
		assert.ok(!canMove(state, 0));
	});

	it("is confirmed by the board", () => {
		const state = table("Ada", move(4), game("....X....", "O"));
		assert.equal(state.pending, null);
		assert.equal(shownBoard(state).last, 4);
	});

	it("is undone with the reason when it is refused", () => {
		const state = table("Ada", move(4), refusal("7", "the cell is taken"));
		assert.equal(shownBoard(state).board, ".........");
		assert.match(state.notice.text, /undone: the cell is taken/);
	});

	it("stays when something else is refused", () => {
		const state = table("Ada", move(4), refusal("6", "no"));
		assert.equal(shownBoard(state).board, "....X....");
		assert.equal(state.notice.text, "That didn’t work: no.");
	});

	it("outlives a hello within a connection, but not a new connection", () => {
		const again = table("Ada", move(4), hello("id-Ada"));
		assert.equal(again.pending.cell, 4);
		const anew = table("Ada", move(4), local({ link: { status: "connecting" } }), hello("id-Ada"));
		assert.equal(anew.pending, null);
	});

	it("is no failure when it is answered with 200", () => {
		const state = table("Ada", move(4));
		assert.equal(reduce(state, { action: "response", requestId: "7", statusCode: 200, body: {} }), state);
	});
});

describe("the end of a game", () => {
	const won = game("XXXOO....", null, { status: "won", winner: "X", line: [0, 1, 2] });
	const second = (board = ".........", turn = "X") =>
		game(board, turn, { number: 2, players: { X: "id-Ada", O: "id-Cleo" } });

	it("stays on show over the next game, with the names as they were", () => {
		const gone = delta([seated("Cleo", 3, "O")], ["id-Ben"]);
		const state = table("Eve", game("XX.OO....", "X"), won, gone, second());
		assert.deepEqual(state.result.names, { X: "Ada", O: "Ben" });
		assert.equal(shownBoard(state).board, "XXXOO....");
		assert.equal(shownBoard(state).last, 2);
		assert.equal(state.game.number, 2);
	});

	it("does not keep the next player from moving", () => {
		const state = table("Ada", won, second());
		assert.ok(state.result);
		assert.ok(canMove(state, 0), "the cell is taken on the old board, not on the new one");
	});

	it("gives way to the next game's first move for its players, not for spectators", () => {
		const moved = [won, delta([seated("Cleo", 3, "O")]), second(), second("X........", "O")];
		assert.equal(table("Cleo", ...moved).result, null);
		assert.ok(table("Eve", ...moved).result);
	});

	it("gives way to the board when its time is up", () => {
		const state = table("Eve", won, second(), local({ result: null }));
		assert.equal(shownBoard(state).board, ".........");
		assert.equal(shownBoard(state).last, null);
	});

	it("leaves no board when there is no next game", () => {
		const state = table("Ada", won, { action: "gameUpdate", game: null }, local({ result: null }));
		assert.equal(shownBoard(state), null);
	});

	it("takes an unconfirmed move with it", () => {
		const state = table("Ada", move(8), game(".........", null, { status: "timeout", winner: "O" }));
		assert.equal(state.pending, null);
	});
});

describe("the clock", () => {
	const told = (now, receivedAt) => ({ ...hello("id-Ada"), now, receivedAt });

	it("is set by every hello, from the server's time and the moment it came", () => {
		const early = after(told("2026-01-01T20:00:00.000000+00:00", 5000));
		assert.equal(early.clockOffset, Date.UTC(2026, 0, 1, 20) - 5000);
		// The monotonic clock stood still for a minute.
		const late = reduce(early, told("2026-01-01T20:01:01.500000+00:00", 6500));
		assert.equal(late.clockOffset, Date.UTC(2026, 0, 1, 20, 1) - 5000);
	});

	it("runs on when a hello does not tell the time", () => {
		const set = after(told("2026-01-01T20:00:00.000000+00:00", 5000));
		assert.equal(reduce(set, hello("id-Ada")).clockOffset, set.clockOffset);
	});
});

describe("unknown messages", () => {
	it("change nothing", () => {
		assert.equal(reduce(initial, { action: "somethingNew" }), initial);
		assert.equal(reduce(initial, { message: "no id" }), initial);
	});

	it("do not take a confirmed state for a pending one", () => {
		assert.equal(after(live).link.status, "live");
	});
});
