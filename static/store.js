// Holds the state, and tells its listeners of every change. A result and a notice expire by themselves.

/** @import { Message, State, Store } from "./types" */

import { initial, reduce } from "./state.js";

const SHOWN_MS = { result: 3000, notice: 5000 };

/** @returns {Store} */
export function makeStore() {
	let state = initial;
	/** @type {((before: State, after: State) => void)[]} */
	const listeners = [];
	/** @type {Record<string, number>} */
	const timers = {};

	/** @param {Message} message */
	function dispatch(message) {
		const before = state;
		state = reduce(state, message);
		if (state === before) return;
		expire("result", before);
		expire("notice", before);
		for (const listener of listeners) listener(before, state);
	}

	/** @param {Partial<State>} part */
	function change(part) {
		dispatch({ action: "local", change: part });
	}

	/**
	 * @param {"result" | "notice"} part
	 * @param {State} before
	 */
	function expire(part, before) {
		if (state[part] === before[part]) return;
		clearTimeout(timers[part]);
		if (state[part]) timers[part] = setTimeout(change, SHOWN_MS[part], { [part]: null });
	}

	return {
		get state() {
			return state;
		},
		dispatch,
		change,
		subscribe: (listener) => void listeners.push(listener),
	};
}
