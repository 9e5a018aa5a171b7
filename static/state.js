// The page's state, as a pure function of the state before and one message. No DOM, no clock, no socket.
// A message is the server's, or the page's own `{ action: "local", change }`.

/** @import { Game, Hello, Mark, Message, Response, ShownBoard, State, User } from "./types" */

import { kindOf } from "./games/index.js";

const HURRY_MS = 5000;
/** @type {Mark[]} */
const MARKS = ["X", "O"];

/** @type {State} */
export const initial = {
	link: { status: "connecting" }, // see socket.js
	clockOffset: 0, // ms from the page's monotonic clock to the server's time
	name: "", // the name that this browser remembers
	me: {}, // id, status, marker, position
	users: [], // the window, in line order, players included
	waiting: 0,
	spectators: 0,
	game: undefined, // the one being played; null if there is none, undefined until the server tells
	last: null, // the place of its newest mark, if the page saw it set
	result: null, // the game that has just ended, while it is shown: { game, names, last }
	pending: null, // my move until it is confirmed: { cell, requestId }
	notice: null, // a short message to show once: { text }
};

/**
 * @param {State} state
 * @param {Message} message
 * @returns {State}
 */
export function reduce(state, message) {
	switch (message.action) {
		case "local":
			return { ...state, ...message.change };
		case "joinedQueue": {
			const { status, marker, position } = message;
			return { ...state, me: { id: state.me.id, status, marker, position } };
		}
		case "queueUpdate":
			return withUsers(state, message, message.data);
		case "queueDelta": {
			const { upsert, remove } = message;
			const gone = new Set([...remove, ...upsert.map((user) => user.connectionId)]);
			return withUsers(state, message, [...state.users.filter((user) => !gone.has(user.connectionId)), ...upsert]);
		}
		case "gameUpdate":
			return withGame(state, message.game);
		case "response":
			return message.statusCode < 400 ? state : refused(state, message);
		default:
			return message.connectionId ? greeted(state, message) : state;
	}
}

/**
 * @param {State} state
 * @param {Hello} hello
 */
function greeted(state, { connectionId, now, receivedAt = 0 }) {
	// A hello on a live connection answers sendInfo, so a move that was sent may still be confirmed.
	const pending = state.link.status === "live" ? state.pending : null;
	const clockOffset = now ? Date.parse(now) - receivedAt : state.clockOffset;
	return { ...state, me: { ...state.me, id: connectionId }, pending, clockOffset };
}

/**
 * @param {State} state
 * @param {{ waiting: number, spectators: number }} counts
 * @param {User[]} users
 */
function withUsers(state, { waiting, spectators }, users) {
	users = [...users].sort((a, b) => (a.joinedAt < b.joinedAt ? -1 : 1));
	return { ...state, users, waiting, spectators };
}

/**
 * @param {State} state
 * @param {Game | null} game
 */
function withGame(state, game) {
	const before = state.game?.number === game?.number ? state.game : null;
	const last = before && game ? (newMark(before.board, game.board) ?? state.last) : null;
	if (game && game.status !== "playing") {
		const { X, O } = game.players;
		const result = { game, last, names: { X: nameIn(state, X), O: nameIn(state, O) } };
		return { ...state, game: undefined, last: null, pending: null, result };
	}
	const moved = before?.board !== game?.board || before?.turn !== game?.turn;
	// A player whose next game has begun sees that instead of the result.
	const urgent = game && markerIn(game, state.me.id) && !isUntouched(game);
	return {
		...state,
		game,
		last,
		pending: moved ? null : state.pending,
		result: urgent ? null : state.result,
	};
}

/**
 * The place of a mark on one board that was not on the board before.
 * @param {string} before
 * @param {string} after
 */
function newMark(before, after) {
	const index = [...after].findIndex((mark, index) => mark !== "." && mark !== before[index]);
	return index < 0 ? undefined : index;
}

/**
 * @param {State} state
 * @param {Response} response
 */
function refused(state, { requestId, body }) {
	if (!state.pending || state.pending.requestId !== requestId) {
		return { ...state, notice: { text: `That didn’t work: ${body.message}.` } };
	}
	return { ...state, pending: null, notice: { text: `Your move was undone: ${body.message}.` } };
}

/** @param {Pick<User, "connectionId" | "username">} user */
export function nameOf(user) {
	return user.username ?? `Guest ${user.connectionId.slice(0, 4)}`;
}

/**
 * @param {Pick<State, "users">} state
 * @param {string} connectionId
 */
export function nameIn({ users }, connectionId) {
	return nameOf(users.find((user) => user.connectionId === connectionId) ?? { connectionId });
}

/**
 * @param {Game | null | undefined} game
 * @param {string | undefined} id
 */
export function markerIn(game, id) {
	return MARKS.find((marker) => game?.players[marker] === id) ?? "";
}

/**
 * The seated users, by marker.
 * @param {Pick<State, "users">} state
 * @returns {Partial<Record<Mark, User>>}
 */
export function seats({ users }) {
	const seated = users.filter((user) => user.status === "active");
	return Object.fromEntries(seated.map((user) => [user.marker, user]));
}

/** @param {Pick<State, "users">} state */
export function line({ users }) {
	return users.filter((user) => user.status === "inactive");
}

/**
 * My place in line, from 1; 0 for players and spectators.
 * @param {State} state
 */
export function place(state) {
	const { id, status, position } = state.me;
	if (status !== "inactive") return 0;
	return line(state).findIndex((user) => user.connectionId === id) + 1 || (position ?? 0);
}

/**
 * The absent player that the game waits for. It waits for nobody while its clock runs.
 * @param {State} state
 */
export function absentPlayer({ users, game }) {
	return game?.deadline ? undefined : users.find((user) => user.status === "active" && user.absent);
}

/**
 * Tell whether the game is still without a move.
 * @param {Game} game
 */
export function isUntouched(game) {
	return /^\.+$/.test(game.board);
}

/**
 * Tell whether the end of a game is known, and not yet what comes next.
 * @param {State} state
 */
export function isUnsettled({ game, result }) {
	return game === undefined && result !== null;
}

/**
 * When the time to move is up, while its clock can be seen to run.
 * @param {State} state
 */
export function deadline({ game, link }) {
	return link.status === "live" ? game?.deadline : undefined;
}

/**
 * Tell whether little time is left for the move.
 * @param {State} state
 * @param {number} now
 */
export function isHurried(state, now) {
	const until = deadline(state);
	return until !== undefined && Date.parse(until) - now <= HURRY_MS;
}

/** @param {State} state */
export function isMyTurn(state) {
	const { game, me } = state;
	return Boolean(game?.turn && game.players[game.turn] === me.id && !absentPlayer(state));
}

/**
 * Tell whether I can move now, at that place of the board if one is given.
 * @param {State} state
 * @param {number} [index]
 */
export function canMove(state, index) {
	const { game, link, pending } = state;
	if (!game || !isMyTurn(state) || pending || link.status !== "live") return false;
	return index === undefined || cellAt(game, index) >= 0;
}

/**
 * The `cell` of a move at that place of the board.
 * @param {Game} game
 * @param {number} index
 */
export function cellAt(game, index) {
	return kindOf(game).cellAt(game, index);
}

/**
 * The board to draw: the result's while it is shown, otherwise the game's with my unconfirmed mark.
 * @param {State} state
 * @returns {ShownBoard | null}
 */
export function shownBoard({ game, last, me, pending, result }) {
	if (result) {
		const { board, line } = result.game;
		return { kind: kindOf(result.game), board, last: result.last, line, over: true };
	}
	if (!game) return null;
	const kind = kindOf(game);
	const mine = markerIn(game, me.id);
	if (!pending || !mine) return { kind, board: game.board, last };
	const board = kind.play(game, pending.cell, mine);
	return { kind, board, last, pending: newMark(game.board, board) };
}
