// Every sentence of the page, and what a screen reader announces, as pure functions of the state.

import { kindOf } from "./games/index.js";
import { absentPlayer, isMyTurn, markerIn, nameIn, nameOf, place, seats } from "./state.js";

export function ordinal(n) {
	const suffix = n % 100 > 10 && n % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
	return n.toLocaleString("en") + suffix;
}

/** The sentence above the board. */
export function turnWords(state) {
	const { game, me } = state;
	if (game === undefined) return "";
	if (!game) {
		const [waiting] = Object.values(seats(state));
		if (!waiting) return "The table is free";
		if (waiting.connectionId !== me.id) return `${nameOf(waiting)} is waiting for an opponent`;
		return state.spectators + state.waiting ? "Waiting for an opponent" : "You are the first one here";
	}
	const absent = absentPlayer(state);
	if (absent) return `${nameOf(absent)} is away, so the game is paused`;
	return isMyTurn(state) ? "Your turn" : `${nameIn(state, game.players[game.turn])}’s turn`;
}

/** The winner, the reason, and what happens next. */
export function resultWords(state) {
	const { game, names } = state.result;
	const mine = markerIn(game, state.me.id);
	const { winner, status } = game;
	if (!winner) {
		const next = mine ? nextForMe(state) : "Both go to the back of the line.";
		if (status === "draw") return { title: "A draw", why: kindOf(game).drawnWords, next };
		return { title: "Nobody wins", why: "Nobody finished the game.", next };
	}
	const loser = winner === "X" ? "O" : "X";
	const who = mine === loser ? "You" : names[loser];
	const why = {
		won: game.line ? kindOf(game).wonWords : "",
		conceded: `${who} conceded.`,
		timeout: `${who} ran out of time.`,
		abandoned: `${who} left the game.`,
	}[status];
	const title = mine === winner ? "You win!" : `${names[winner]} wins`;
	return { title, why, next: mine ? nextForMe(state) : nextForAll(state) };
}

function nextForMe(state) {
	const { me } = state;
	const { game } = state.result;
	const won = game.winner && game.winner === markerIn(game, me.id);
	if (me.status === "spectator") return "You are watching now.";
	if (me.status === "active") return won ? `You stay on${inARow(state, me.id)}.` : "Nobody is waiting, so you play again.";
	return `${won ? "You have won the most games allowed in a row. " : ""}You are now ${ordinal(place(state))} in line.`;
}

function nextForAll(state) {
	const { game, names } = state.result;
	const id = game.players[game.winner];
	const stays = state.users.some((user) => user.connectionId === id && user.status === "active");
	return stays ? `${names[game.winner]} stays on${inARow(state, id)}.` : "Both go to the back of the line.";
}

function inARow({ users }, id) {
	const { streak = 1 } = users.find((user) => user.connectionId === id) ?? {};
	return streak > 1 ? ` with ${streak} wins in a row` : "";
}

export function standing(state) {
	const { status, marker } = state.me;
	if (status === "active") return `You play ${marker}`;
	if (status === "spectator") return "You are watching";
	const at = place(state);
	return at === 1 ? "You are next" : at ? `You are ${ordinal(at)} in line` : "";
}

export function crowdWords({ waiting, spectators }) {
	const watching = spectators ? ` · ${spectators.toLocaleString("en")} watching` : "";
	return `${waiting.toLocaleString("en")} waiting${watching}`;
}

const TROUBLE = {
	lost: "The connection was lost.",
	unreachable: "The server cannot be reached.",
	restart: "The server is restarting.",
	full: "The server is not accepting connections. It may be full.",
	store: "The server cannot save anything right now.",
	slow: "The connection was too slow.",
	busy: "You sent too many messages.",
	replaced: "You opened this room in another tab.",
	removed: "The host has removed you from this room.",
};

/** The problem with the connection and what the page does about it; "" without a problem. */
export function troubleWords({ status, reason, offline }, seconds) {
	if (status === "replaced" || status === "removed") return TROUBLE[status];
	if (status === "live") return offline ? "You are offline, but the server still responds." : "";
	const what = offline ? "You are offline." : TROUBLE[reason];
	if (!what) return "";
	return `${what} ${status === "waiting" ? `Retrying in ${seconds} s.` : "Retrying now…"}`;
}

/** What a screen reader announces when one state follows another; "" for nothing. */
export function announcement(before, after) {
	const said = [connectionNews(before.link, after.link)];
	if (after.notice && after.notice !== before.notice) said.push(after.notice.text);
	if (after.result && after.result !== before.result) {
		const { title, why, next } = resultWords(after);
		said.push(`${title}.`.replace("!.", "!"), why, next);
	}
	said.push(moveNews(before, after), standingNews(before, after));
	const turn = turnWords(after);
	const anew = after.game?.number !== before.game?.number;
	if (anew) said.push(rivalNews(after));
	if (turn && (anew || turn !== turnWords(before))) said.push(`${turn}.`);
	return said.filter(Boolean).join(" ");
}

function connectionNews(before, after) {
	if (before.status === after.status) return "";
	if (after.status === "live") return before.reason ? "Reconnected." : "";
	return before.status === "live" ? troubleWords(after).replace(/Retrying.*/, "Reconnecting.") : "";
}

function moveNews({ game: old }, { game, last, me }) {
	if (last === null || game.number !== old?.number || game.board === old.board) return "";
	const mark = game.board[last];
	if (game.players[mark] === me.id) return "";
	return `${mark} in ${kindOf(game).placeWords(last)}.`;
}

function rivalNews(state) {
	return isMyTurn(state) && `You play against ${nameIn(state, state.game.players[state.me.marker === "X" ? "O" : "X"])}.`;
}

function standingNews(before, after) {
	const words = standing(after);
	if (words === standing(before)) return "";
	const { result, me } = after;
	if (me.status !== "active" && result !== before.result && markerIn(result?.game, me.id)) return ""; // the result says so
	const arrived = after.me.status !== before.me.status || after.me.marker !== before.me.marker;
	// Announcing every step forward would be too much.
	return arrived || place(after) === 1 ? `${words}.` : "";
}
