// States for the tests of the pure modules, made from the messages that a server would send.

import { initial, reduce } from "../../static/state.js";

export function after(...messages) {
	return messages.reduce(reduce, initial);
}

export const local = (change) => ({ action: "local", change });
export const live = local({ link: { status: "live" } });
export const hello = (connectionId) => ({ message: "Hello from Lambda!", connectionId, room: "lobby" });
export const standing = (status, more = {}) => ({ action: "joinedQueue", status, ...more });

export function user(name, joined, more = {}) {
	const joinedAt = `2026-01-01T20:00:00.${String(joined).padStart(6, "0")}+00:00`;
	return { connectionId: `id-${name}`, username: name, status: "inactive", joinedAt, ...more };
}

export const seated = (name, joined, marker, more) => user(name, joined, { status: "active", marker, ...more });

export function list(users, more = {}) {
	const waiting = users.filter((one) => one.status === "inactive").length;
	return { action: "queueUpdate", sequence: 1, waiting, spectators: 0, data: users, ...more };
}

export function delta(upsert, remove = [], more = {}) {
	return { action: "queueDelta", sequence: 2, waiting: 0, spectators: 0, upsert, remove, ...more };
}

export function game(board, turn, more = {}) {
	const players = { X: "id-Ada", O: "id-Ben" };
	return { action: "gameUpdate", game: { number: 1, board, turn, players, status: "playing", ...more } };
}

export const refusal = (requestId, message) => ({
	action: "response",
	route: "makeMove",
	requestId,
	statusCode: 409,
	body: { message },
});

/** Ada (X) plays Ben (O), Cleo waits; seen by `me`. */
export function table(me, ...messages) {
	const users = [seated("Ada", 1, "X"), seated("Ben", 2, "O"), user("Cleo", 3)];
	const mine = users.find((one) => one.connectionId === `id-${me}`);
	const own = mine ? standing(mine.status, { marker: mine.marker }) : standing("spectator");
	return after(hello(`id-${me}`), own, list(users), game(".........", "X"), live, ...messages);
}
