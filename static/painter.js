// Paints every view from the state, at most once an animation frame.

/** @import { Store, View } from "./types" */

import { serverTime } from "./clock.js";

/**
 * Return a function that asks for a paint.
 * @param {Store} store
 * @param {View[]} views
 * @param {HTMLElement} refuge takes the focus of a part that is hidden
 */
export function painter(store, views, refuge) {
	let frame = 0;

	function paint() {
		frame = 0;
		const focused = document.activeElement;
		const now = serverTime(store.state);
		for (const view of views) view(store.state, now);
		if (focused?.closest("[hidden]")) refuge.focus();
	}

	return () => {
		frame ||= requestAnimationFrame(paint);
	};
}
