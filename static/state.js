// The page's state, as a pure function of the state before and one message. No DOM, no clock, no socket.
// A message is the server's, or the page's own `{ action: "local", change }`.

import { kindOf } from "./games/index.js";

export const initial = Object.freeze({
	link: { status: "connecting" }, // see socket.js
	clockOffset: 0, // ms from the page's monotonic clock to the server's time
	me: {}, // id, status, marker, position
	users: [], // the window, in line order, players included
	waiting: 0,
	spectators: 0,
	game: undefined, // the one being played; null if there is none, undefined until the server tells
	last: null, // the place of its newest mark, if the page saw it set
	result: null, // the game that has just ended, while it is shown: { game, names, last }
	pending: null, // my move until it is confirmed: { cell, requestId }
	notice: null, // a short message to show once: { text }
});

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

function greeted(state, { connectionId, now, receivedAt }) {
	// A hello on a live connection answers sendInfo, so a move that was sent may still be confirmed.
	const pending = state.link.status === "live" ? state.pending : null;
	const clockOffset = now ? Date.parse(now) - receivedAt : state.clockOffset;
	return { ...state, me: { ...state.me, id: connectionId }, pending, clockOffset };
}

function withUsers(state, { waiting, spectators }, users) {
	users = [...users].sort((a, b) => (a.joinedAt < b.joinedAt ? -1 : 1));
	return { ...state, users, waiting, spectators };
}

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
	const urgent = markerIn(game, state.me.id) && !isUntouched(game);
	return {
		...state,
		game,
		last,
		pending: moved ? null : state.pending,
		result: urgent ? null : state.result,
	};
}

/** The place where one board has a mark that the other had not. */
function newMark(before, after) {
	const index = [...after].findIndex((mark, index) => mark !== "." && mark !== before[index]);
	return index < 0 ? undefined : index;
}

function refused(state, { requestId, body }) {
	if (!state.pending || state.pending.requestId !== requestId) {
		return { ...state, notice: { text: `That didn’t work: ${body.message}.` } };
	}
	return { ...state, pending: null, notice: { text: `Your move was undone: ${body.message}.` } };
}

export function nameOf(user) {
	return user.username ?? `Guest ${user.connectionId.slice(0, 4)}`;
}

export function nameIn({ users }, connectionId) {
	return nameOf(users.find((user) => user.connectionId === connectionId) ?? { connectionId });
}

export function markerIn(game, id) {
	return ["X", "O"].find((marker) => game?.players[marker] === id) ?? "";
}

/** The seated users, by marker. */
export function seats({ users }) {
	const seated = users.filter((user) => user.status === "active");
	return Object.fromEntries(seated.map((user) => [user.marker, user]));
}

export function line({ users }) {
	return users.filter((user) => user.status === "inactive");
}

/** My place in line, from 1; 0 for players and spectators. */
export function place(state) {
	const { id, status, position } = state.me;
	if (status !== "inactive") return 0;
	return line(state).findIndex((user) => user.connectionId === id) + 1 || (position ?? 0);
}

/** The absent player that the game waits for. It waits for nobody while its clock runs. */
export function absentPlayer({ users, game }) {
	return game?.deadline ? undefined : users.find((user) => user.status === "active" && user.absent);
}

/** Tell whether the game is still without a move. */
export function isUntouched(game) {
	return /^\.+$/.test(game.board);
}

export function isMyTurn(state) {
	const { game, me } = state;
	return Boolean(game?.turn && game.players[game.turn] === me.id && !absentPlayer(state));
}

/** Tell whether I can move now, at that place of the board if one is given. */
export function canMove(state, index) {
	const free = isMyTurn(state) && !state.pending && state.link.status === "live";
	return free && (index === undefined || cellAt(state.game, index) >= 0);
}

/** The `cell` of a move at that place of the board. */
export function cellAt(game, index) {
	return kindOf(game).cellAt(game, index);
}

/** The board to draw: the result's while it is shown, otherwise the game's with my unconfirmed mark. */
export function shownBoard({ game, last, me, pending, result }) {
	if (result) {
		const { board, line } = result.game;
		return { kind: kindOf(result.game), board, last: result.last, line, over: true };
	}
	if (!game) return null;
	const kind = kindOf(game);
	if (!pending) return { kind, board: game.board, last };
	const board = kind.play(game, pending.cell, markerIn(game, me.id));
	return { kind, board, last, pending: newMark(game.board, board) };
}
