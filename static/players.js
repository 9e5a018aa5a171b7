// The two players: names, marks, streaks, the turn and its countdown.

/** @import { Mark, State, View } from "./types" */

import { part, setText } from "./dom.js";
import { deadline, isHurried, nameOf, seats } from "./state.js";
import { mark, tally } from "./strokes.js";
import { awayWords, secondsLeft, turnWords } from "./words.js";

/** @typedef {{ plate: HTMLElement, marker: Mark, name: HTMLElement, note: HTMLElement, streak: HTMLElement }} Plate */

/**
 * @param {HTMLElement} root
 * @param {{ isCalm: () => boolean, rectOf: (id: string) => DOMRect | undefined }} options
 * @returns {View}
 */
export function playersView(root, { isCalm, rectOf }) {
	const [turn, clock] = [part(root, "#turn"), part(root, "#clock")];
	const renderFuse = fuseView(part(root, "#fuse > div"));
	const plates = [...root.querySelectorAll(".player")].map((plate) => plateOf(/** @type {HTMLElement} */ (plate)));
	/** @type {State | undefined} */
	let painted;

	/**
	 * @param {Plate} parts
	 * @param {State} state
	 */
	function renderPlate({ plate, marker, name, streak }, state) {
		const user = seats(state)[marker];
		const before = painted && seats(painted)[marker];
		const came = user && painted?.users.length && user.connectionId !== before?.connectionId && !isCalm();
		const from = came ? rectOf(user.connectionId) : undefined;
		plate.classList.toggle("empty", !user);
		plate.classList.toggle("absent", Boolean(user?.absent));
		plate.classList.toggle("mine", Boolean(user) && user?.connectionId === state.me.id);
		plate.classList.toggle("on", state.game?.turn === marker);
		setText(name, user ? nameOf(user) : "free");
		if (user?.streak !== before?.streak) renderStreak(streak, user?.streak ?? 0);
		if (came) arrive(name, from);
	}

	return function render(state, now) {
		if (state !== painted) for (const plate of plates) renderPlate(plate, state);
		for (const { marker, note } of plates) setText(note, awayWords(seats(state)[marker], now));
		setText(part(turn, "p"), turnWords(state));
		turn.dataset.mark = state.game?.turn ?? "";
		turn.classList.toggle("hurry", isHurried(state, now));
		const until = deadline(state);
		setText(clock, until ? `${secondsLeft(until, now)} s` : "");
		renderFuse(state, now);
		painted = state;
	};
}

/**
 * @param {HTMLElement} plate
 * @returns {Plate}
 */
function plateOf(plate) {
	const marker = /** @type {Mark} */ (plate.dataset.marker);
	plate.prepend(mark(marker));
	Object.assign(plate, { role: "group", ariaLabel: marker });
	const [name, note, streak] = [".name", ".note", ".streak"].map((selector) => part(plate, selector));
	return { plate, marker, name, note, streak };
}

/**
 * @param {HTMLElement} streak
 * @param {number} wins
 */
function renderStreak(streak, wins) {
	const words = document.createElement("span");
	words.className = "unseen";
	words.textContent = wins === 1 ? "1 win" : `${wins} wins in a row`;
	streak.replaceChildren(...(wins ? [words, tally(wins)] : []));
}

/**
 * Move a name that was visible in the line to the table. Reveal any other name in place.
 * @param {HTMLElement} name
 * @param {DOMRect | undefined} from
 */
function arrive(name, from) {
	const to = name.getBoundingClientRect();
	const frames =
		from && from.top < innerHeight
			? { transform: [`translate(${from.left - to.left}px, ${from.top - to.top}px)`, "none"] }
			: { clipPath: ["inset(0 100% 0 0)", "inset(0)"] };
	name.parentElement?.animate(frames, { duration: 600, easing: "cubic-bezier(.3, .7, .2, 1)" });
}

/**
 * The bar of the countdown: one animation, restarted when the deadline or the clock changes.
 * @param {HTMLElement} fuse
 * @returns {View}
 */
function fuseView(fuse) {
	/** @type {string | undefined} */
	let until;
	let offset = 0;
	let longest = 1; // the longest time for a move seen so far

	return function render(state, now) {
		const next = deadline(state);
		if (next === until && state.clockOffset === offset) return;
		[until, offset] = [next, state.clockOffset];
		for (const animation of fuse.getAnimations()) animation.cancel();
		const left = next ? Math.max(0, Date.parse(next) - now) : 0;
		longest = Math.max(longest, left);
		if (next) fuse.animate({ transform: [`scaleX(${left / longest})`, "scaleX(0)"] }, left);
	};
}
