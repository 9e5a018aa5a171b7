// My own bar: my name, where I stand, and the actions that are open to me.

/** @import { Actions, View } from "./types" */

import { part, setText } from "./dom.js";
import { nameIn } from "./state.js";
import { standing } from "./words.js";

/**
 * @param {HTMLElement} root
 * @param {Actions} actions
 * @returns {View}
 */
export function meView(root, actions) {
	const buttons = { rename: actions.rename, concede: actions.concede, leave: actions.leave, join: actions.join };
	for (const [name, act] of Object.entries(buttons)) part(root, `#${name}`).addEventListener("click", act);
	const [name, words] = [part(root, "#rename bdi"), part(root, "#standing")];

	return function render(state) {
		const { id, status, marker } = state.me;
		const open = {
			rename: Boolean(status),
			concede: Boolean(marker && state.game),
			leave: status === "inactive" || Boolean(marker && state.game === null),
			join: status === "spectator",
		};
		for (const [action, isOpen] of Object.entries(open)) {
			const button = /** @type {HTMLButtonElement} */ (part(root, `#${action}`));
			button.hidden = !isOpen;
			button.disabled = state.link.status !== "live";
		}
		setText(words, standing(state));
		words.dataset.mark = marker ?? "";
		setText(name, state.name || (id ? nameIn(state, id) : ""));
	};
}
