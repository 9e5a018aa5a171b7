// What a person can do on the page. An action sends a message; the page changes when the server answers.

/** @import { Actions, Connection, Memory, Store } from "./types" */

import { askName, confirmConcede } from "./dialogs.js";
import { canMove, cellAt } from "./state.js";

/**
 * @param {Store} store
 * @param {Memory} memory
 * @param {Connection} connection
 * @returns {Actions}
 */
export function actionsOf(store, memory, connection) {
	let requests = 0;

	/** @param {object} message */
	function send(message) {
		const requestId = String(++requests);
		if (connection.send({ ...message, requestId })) return requestId;
		store.change({ notice: { text: "Not connected. Nothing was sent." } });
		return "";
	}

	/** @param {{ title: string, yes: string, no: string }} question */
	async function takeName(question) {
		const name = await askName({ name: store.state.name, ...question });
		if (!name) return "";
		memory.name.set(name);
		store.change({ name });
		return name;
	}

	async function rename() {
		const username = await takeName({ title: "Change your name", yes: "Save", no: "Cancel" });
		if (username) send({ action: "updateDB", username });
	}

	return {
		rename,

		async enter() {
			if (memory.choice.get()) return;
			const name = await takeName({ title: "Join the game", yes: "Join the line", no: "Just watch" });
			memory.choice.set(name ? "play" : "watch");
		},

		introduce() {
			const username = store.state.name;
			if (username) send({ action: "updateDB", username });
		},

		move(index) {
			const { game } = store.state;
			if (!game || !canMove(store.state, index)) return;
			const cell = cellAt(game, index);
			const requestId = send({ action: "makeMove", cell });
			if (requestId) store.change({ pending: { cell, requestId }, result: null, notice: null });
		},

		async join() {
			if (!store.state.name) await rename();
			if (store.state.name && send({ action: "joinQueue" })) memory.choice.set("play");
		},

		leave() {
			if (send({ action: "leaveQueue" })) memory.choice.set("watch");
		},

		async concede() {
			const game = store.state.game?.number;
			if (await confirmConcede()) send({ action: "gameOVER", loserId: store.state.me.id, game });
		},

		retry() {
			if (store.state.link.status === "removed") memory.session.set("");
			connection.open();
		},
	};
}
