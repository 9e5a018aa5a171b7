// Every sentence of the page, and what a screen reader announces, as pure functions of the state.

/** @import { Game, Link, Result, State, User } from "./types" */

import { kindOf } from "./games/index.js";
import { absentPlayer, isMyTurn, markerIn, nameIn, nameOf, place, seats } from "./state.js";

/** @param {number} n */
export function ordinal(n) {
	const suffix = n % 100 > 10 && n % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
	return n.toLocaleString("en") + suffix;
}

/**
 * The sentence above the board.
 * @param {State} state
 */
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
	if (!game.turn) return "";
	return isMyTurn(state) ? "Your turn" : `${nameIn(state, game.players[game.turn])}’s turn`;
}

/**
 * The winner, the reason, and what happens next.
 * @param {State} state
 * @param {Result} result
 */
export function resultWords(state, result) {
	const { game, names } = result;
	const mine = markerIn(game, state.me.id);
	const { winner, status } = game;
	if (!winner) {
		const next = mine ? nextForMe(state, game) : "Both go to the back of the line.";
		if (status === "draw") return { title: "A draw", why: kindOf(game).drawnWords, next };
		return { title: "Nobody wins", why: "Nobody finished the game.", next };
	}
	const loser = winner === "X" ? "O" : "X";
	const who = mine === loser ? "You" : names[loser];
	/** @type {Partial<Record<Game["status"], string>>} */
	const reasons = {
		won: game.line ? kindOf(game).wonWords : "",
		conceded: `${who} conceded.`,
		timeout: `${who} ran out of time.`,
		abandoned: `${who} left the game.`,
	};
	const title = mine === winner ? "You win!" : `${names[winner]} wins`;
	const next = mine ? nextForMe(state, game) : nextForAll(state, game.players[winner], names[winner]);
	return { title, why: reasons[status] ?? "", next };
}

/**
 * @param {State} state
 * @param {Game} game
 */
function nextForMe(state, game) {
	const { me } = state;
	const won = game.winner && game.winner === markerIn(game, me.id);
	if (me.status === "spectator") return "You are watching now.";
	if (me.status === "active")
		return won ? `You stay on${inARow(state, me.id)}.` : "Nobody is waiting, so you play again.";
	return `${won ? "You have won the most games allowed in a row. " : ""}You are now ${ordinal(place(state))} in line.`;
}

/**
 * @param {State} state
 * @param {string} id the winner's
 * @param {string} name
 */
function nextForAll(state, id, name) {
	const stays = state.users.some((user) => user.connectionId === id && user.status === "active");
	return stays ? `${name} stays on${inARow(state, id)}.` : "Both go to the back of the line.";
}

/**
 * @param {State} state
 * @param {string | undefined} id
 */
function inARow({ users }, id) {
	const { streak = 1 } = users.find((user) => user.connectionId === id) ?? {};
	return streak > 1 ? ` with ${streak} wins in a row` : "";
}

/** @param {State} state */
export function standing(state) {
	const { status, marker } = state.me;
	if (status === "active") return `You play ${marker}`;
	if (status === "spectator") return "You are watching";
	const at = place(state);
	return at === 1 ? "You are next" : at ? `You are ${ordinal(at)} in line` : "";
}

/** @param {Pick<State, "waiting" | "spectators">} counts */
export function crowdWords({ waiting, spectators }) {
	const watching = spectators ? ` · ${spectators.toLocaleString("en")} watching` : "";
	return `${waiting.toLocaleString("en")} waiting${watching}`;
}

/**
 * How long a user may still be away.
 * @param {User | undefined} user
 * @param {number} now
 */
export function awayWords(user, now) {
	return user?.absent ? `away, ${secondsLeft(user.absent, now)} s` : "";
}

/**
 * @param {string} until
 * @param {number} now
 */
export function secondsLeft(until, now) {
	return Math.max(0, Math.ceil((Date.parse(until) - now) / 1000));
}

/** @type {Record<string, string>} */
const CHIPS = { connecting: "Connecting", live: "Live", waiting: "Reconnecting" };
/** @type {Record<string, string>} */
const REMEDIES = { waiting: "Try now", replaced: "Play here", removed: "Join again" };

/** @param {Link} link */
export function chipWords({ status, offline }) {
	return offline ? "Offline" : (CHIPS[status] ?? "");
}

/**
 * What the button of the trouble bar says; "" for no button.
 * @param {Link} link
 */
export function remedyWords({ status }) {
	return REMEDIES[status] ?? "";
}

/** @type {Record<string, string>} */
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

/**
 * The problem with the connection and what the page does about it; "" without a problem.
 * @param {Link} link
 * @param {number} [seconds] until the next try
 */
export function troubleWords({ status, reason, offline }, seconds) {
	if (status === "replaced" || status === "removed") return TROUBLE[status];
	if (status === "live") return offline ? "You are offline, but the server still responds." : "";
	const what = offline ? "You are offline." : TROUBLE[reason ?? ""];
	if (!what) return "";
	return `${what} ${status === "waiting" ? `Retrying in ${seconds} s.` : "Retrying now…"}`;
}

/**
 * What a screen reader announces when one state follows another; "" for nothing.
 * @param {State} before
 * @param {State} after
 */
export function announcement(before, after) {
	const said = [connectionNews(before.link, after.link)];
	if (after.notice && after.notice !== before.notice) said.push(after.notice.text);
	if (after.result && after.result !== before.result) {
		const { title, why, next } = resultWords(after, after.result);
		said.push(`${title}.`.replace("!.", "!"), why, next);
	}
	said.push(moveNews(before, after), standingNews(before, after));
	const turn = turnWords(after);
	const isNew = after.game?.number !== before.game?.number;
	if (isNew) said.push(rivalNews(after));
	if (turn && (isNew || turn !== turnWords(before))) said.push(`${turn}.`);
	return said.filter(Boolean).join(" ");
}

/**
 * @param {Link} before
 * @param {Link} after
 */
function connectionNews(before, after) {
	if (before.status === after.status) return "";
	if (after.status === "live") return before.reason ? "Reconnected." : "";
	return before.status === "live" ? troubleWords(after).replace(/Retrying.*/, "Reconnecting.") : "";
}

/**
 * @param {State} before
 * @param {State} after
 */
function moveNews({ game: old }, { game, last, me }) {
	if (!game || last === null || game.number !== old?.number || game.board === old.board) return "";
	const mark = game.board[last];
	if (mark === markerIn(game, me.id)) return "";
	return `${mark} in ${kindOf(game).placeWords(last)}.`;
}

/** @param {State} state */
function rivalNews(state) {
	if (!state.game || !isMyTurn(state)) return "";
	const rival = state.me.marker === "X" ? "O" : "X";
	return `You play against ${nameIn(state, state.game.players[rival])}.`;
}

/**
 * @param {State} before
 * @param {State} after
 */
function standingNews(before, after) {
	const words = standing(after);
	if (words === standing(before)) return "";
	const { result, me } = after;
	if (me.status !== "active" && result !== before.result && markerIn(result?.game, me.id)) return ""; // the result says so
	const arrived = after.me.status !== before.me.status || after.me.marker !== before.me.marker;
	// Announcing every step forward would be too much.
	return arrived || place(after) === 1 ? `${words}.` : "";
}
