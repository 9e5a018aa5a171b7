// The end of a game, shown over its board for a few seconds.

/** @import { View } from "./types" */

import { part, setText } from "./dom.js";
import { resultWords } from "./words.js";

/**
 * @param {HTMLElement} root
 * @returns {View}
 */
export function resultView(root) {
	const [title, more] = [part(root, "p:first-child"), part(root, "p:last-child")];

	return function render(state) {
		root.hidden = !state.result;
		if (!state.result) return;
		const words = resultWords(state, state.result);
		setText(title, words.title);
		setText(more, `${words.why} ${words.next}`.trim());
		root.dataset.mark = state.result.game.winner ?? "";
	};
}
