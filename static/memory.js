// What is kept across reloads. Each tab keeps a session and a choice (play or watch) per room. The name
// is kept by the tab and by the browser. Without permission to store, nothing is kept.

/** @import { Memory, Slot } from "./types" */

/** @param {() => string | null | void} use */
function attempt(use) {
	try {
		return use() ?? "";
	} catch {
		return "";
	}
}

/**
 * @param {"sessionStorage" | "localStorage"} area
 * @param {string} key
 * @returns {Slot}
 */
const slot = (area, key) => ({
	get: () => attempt(() => globalThis[area].getItem(key)),
	set: (value) => attempt(() => globalThis[area].setItem(key, value)),
});

/**
 * @param {Slot} tab
 * @param {Slot} browser
 * @returns {Slot}
 */
const both = (tab, browser) => ({
	get: () => tab.get() || browser.get(),
	set: (value) => [tab, browser].forEach((one) => one.set(value)),
});

/**
 * @param {string} room
 * @returns {Memory}
 */
export const memoryOf = (room) => ({
	session: slot("sessionStorage", `session:${room}`),
	choice: slot("sessionStorage", `choice:${room}`),
	name: both(slot("sessionStorage", "name"), slot("localStorage", "name")),
	sound: slot("localStorage", "sound"),
});
