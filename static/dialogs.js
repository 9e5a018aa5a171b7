// The dialogs: two questions (your name, and whether you want to concede), and the address to share.

/** @import { View } from "./types" */

import { part, setText } from "./dom.js";
import { isUnsettled } from "./state.js";

const NAME_MOST = 32;

/** @param {string} selector */
const dialogOf = (selector) => /** @type {HTMLDialogElement} */ (part(document, selector));

/**
 * Ask for a name; resolves to "" if the dialog is closed without one.
 * @param {{ name: string, title: string, yes: string, no: string }} question
 * @returns {Promise<string>}
 */
export function askName({ name, title, yes, no }) {
	const dialog = dialogOf("#name-dialog");
	const input = /** @type {HTMLInputElement} */ (part(dialog, "input"));
	const [problem, back] = [part(dialog, "#name-problem"), part(dialog, "#watch")];
	setText(part(dialog, "h2"), title);
	setText(part(dialog, ".main"), yes);
	setText(back, no);
	input.value = name;
	complain("");
	dialog.showModal();
	input.select();

	/** @param {string} text */
	function complain(text) {
		setText(problem, text);
		input.ariaInvalid = String(Boolean(text));
	}

	return new Promise((resolve) => {
		back.onclick = () => dialog.close();
		dialog.onclose = () => resolve("");
		part(dialog, "form").onsubmit = (event) => {
			event.preventDefault();
			const chosen = input.value.trim();
			const { length } = [...chosen];
			if (!length) return complain("Enter a name.");
			if (length > NAME_MOST) return complain(`Too long by ${length - NAME_MOST}.`);
			resolve(chosen);
			dialog.close();
		};
	});
}

/** Ask whether to concede. */
export function confirmConcede() {
	const dialog = dialogOf("#confirm-dialog");
	dialog.returnValue = "";
	dialog.showModal();
	return new Promise((resolve) => (dialog.onclose = () => resolve(dialog.returnValue === "yes")));
}

/**
 * Close dialogs when a game starts or ends: none hides a new game from its players, and the question
 * about a game goes with it.
 * @param {HTMLElement} shareButton
 * @returns {View}
 */
export function dialogsView(shareButton) {
	const [confirm, share] = [dialogOf("#confirm-dialog"), dialogOf("#share-dialog")];
	/** @type {number | undefined} */
	let number;
	shareButton.addEventListener("click", () => share.showModal());

	return function render(state) {
		if (isUnsettled(state) || state.game?.number === number) return;
		number = state.game?.number;
		confirm.close();
		if (state.me.marker) share.close();
	};
}
