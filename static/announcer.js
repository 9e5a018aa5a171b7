// The live region, which a screen reader reads out.

/** @import { View } from "./types" */

import { initial, isHurried, isMyTurn, isUnsettled } from "./state.js";
import { announcement } from "./words.js";

/**
 * @param {HTMLElement} root
 * @returns {View}
 */
export function announcerView(root) {
	let told = initial;
	let hurried = false;

	return function render(state, now) {
		const hurry = isMyTurn(state) && isHurried(state, now);
		const said = [hurry && !hurried ? "5 seconds left." : ""];
		hurried = hurry;
		if (state !== told && !isUnsettled(state)) {
			said.unshift(announcement(told, state));
			told = state;
		}
		const text = said.filter(Boolean).join(" ");
		if (text) root.textContent = text;
	};
}
