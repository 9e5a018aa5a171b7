// The two players: names, marks, streaks, the turn and its countdown.

import { awayWords, secondsLeft, setText } from "./line.js";
import { nameOf, seats } from "./state.js";
import { mark, tally } from "./strokes.js";
import { turnWords } from "./words.js";

const HURRY_SECONDS = 5;

export function playersView(root, { now, isCalm, rectOf }) {
	const [turn, clock, fuse] = ["#turn", "#clock", "#fuse > div"].map((part) => root.querySelector(part));
	const plates = [...root.querySelectorAll(".player")].map((plate) => {
		const [name, note, streak] = [".name", ".note", ".streak"].map((part) => plate.querySelector(part));
		plate.prepend(mark(plate.dataset.marker));
		Object.assign(plate, { role: "group", ariaLabel: plate.dataset.marker });
		return { plate, name, note, streak, wins: 0 };
	});
	let deadline;
	let offset = 0;
	let longest = 1;
	let settled = false;

	function renderPlate(entry, user, state) {
		const { plate, name, note } = entry;
		const came = settled && user && user.connectionId !== entry.user?.connectionId && !isCalm();
		const from = came && rectOf(user.connectionId);
		entry.user = user;
		plate.classList.toggle("empty", !user);
		plate.classList.toggle("absent", Boolean(user?.absent));
		plate.classList.toggle("mine", Boolean(user) && user.connectionId === state.me.id);
		plate.classList.toggle("on", state.game?.turn === plate.dataset.marker);
		setText(name, user ? nameOf(user) : "free");
		setText(note, awayWords(user, now()));
		renderStreak(entry, user?.streak ?? 0);
		if (came) arrive(name, from);
	}

	function renderStreak(entry, wins) {
		if (entry.wins === wins) return;
		entry.wins = wins;
		const words = document.createElement("span");
		words.className = "unseen";
		words.textContent = `${wins} wins in a row`;
		entry.streak.replaceChildren(...(wins ? [words, tally(wins)] : []));
	}

	// A name that was visible in the line moves to the table. Any other name is revealed in place.
	function arrive(name, from) {
		const to = name.getBoundingClientRect();
		const seen = from && from.top < innerHeight;
		const frames = seen
			? { transform: [`translate(${from.left - to.left}px, ${from.top - to.top}px)`, "none"] }
			: { clipPath: ["inset(0 100% 0 0)", "inset(0)"] };
		name.parentElement.animate(frames, { duration: 600, easing: "cubic-bezier(.3, .7, .2, 1)" });
	}

	function renderClock(state) {
		const next = state.link.status === "live" ? state.game?.deadline : undefined;
		if (next === deadline && state.clockOffset === offset) return;
		[deadline, offset] = [next, state.clockOffset];
		for (const animation of fuse.getAnimations()) animation.cancel();
		const left = next ? Math.max(0, Date.parse(next) - now()) : 0;
		longest = Math.max(longest, left); // the longest time for a move seen so far
		if (next) fuse.animate({ transform: [`scaleX(${left / longest})`, "scaleX(0)"] }, left);
		tick(now());
	}

	function render(state) {
		const seated = seats(state);
		for (const entry of plates) renderPlate(entry, seated[entry.plate.dataset.marker], state);
		setText(turn.firstElementChild, turnWords(state));
		turn.dataset.mark = state.game?.turn ?? "";
		renderClock(state);
		settled ||= state.users.length > 0;
	}

	function tick(time) {
		for (const { user, note } of plates) setText(note, awayWords(user, time));
		const seconds = deadline && secondsLeft(deadline, time);
		setText(clock, deadline ? `${seconds} s` : "");
		return turn.classList.toggle("hurry", seconds <= HURRY_SECONDS);
	}

	return { render, tick };
}
