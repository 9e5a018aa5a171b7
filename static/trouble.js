// The connection: a chip that always shows its status, and a bar on top when something is wrong.

/** @import { Actions, View } from "./types" */

import { part, setText } from "./dom.js";
import { chipWords, remedyWords, troubleWords } from "./words.js";

/**
 * @param {HTMLElement} root
 * @param {Actions} actions
 * @returns {View}
 */
export function troubleView(root, actions) {
	const [chip, bar] = [part(root, "#link"), part(root, "#trouble")];
	const button = part(bar, "button");
	button.addEventListener("click", actions.retry);

	return function render({ link, clockOffset }, now) {
		document.body.dataset.link = link.status;
		chip.dataset.status = link.offline ? "offline" : link.status;
		setText(part(chip, "span"), chipWords(link));
		const left = (link.retryAt ?? 0) - (now - clockOffset);
		const text = troubleWords(link, Math.max(0, Math.ceil(left / 1000)));
		bar.hidden = !text;
		setText(part(bar, "p"), text);
		setText(button, remedyWords(link));
		button.hidden = !remedyWords(link);
	};
}
