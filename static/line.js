// The line: at most a hundred rows, keyed by connection, so that an update touches only what changed.

import { line, nameOf } from "./state.js";
import { crowdWords } from "./words.js";

export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

export function secondsLeft(until, now) {
	return Math.max(0, Math.ceil((Date.parse(until) - now) / 1000));
}

export function awayWords(user, now) {
	return user?.absent ? `away, ${secondsLeft(user.absent, now)} s` : "";
}

export function lineView(root, { now, isCalm, most }) {
	const list = root.querySelector("#line");
	const rows = new Map();
	let users;

	function makeRow(id) {
		const row = document.createElement("li");
		const name = document.createElement("bdi");
		const note = document.createElement("span");
		note.className = "note";
		row.append(name, note);
		rows.set(id, { row, name, note });
		return rows.get(id);
	}

	function fill(entry, user, isMe) {
		entry.row.classList.toggle("mine", isMe);
		if (entry.user === user) return;
		entry.user = user;
		entry.row.classList.toggle("absent", "absent" in user);
		setText(entry.name, nameOf(user));
		setText(entry.note, awayWords(user, now()));
	}

	function renderRows(state) {
		const waiting = line(state).slice(0, most);
		const present = new Set(waiting.map((user) => user.connectionId));
		const written = users.length > 0;
		let headLeft = false;
		for (const [id, { row }] of rows) {
			if (present.has(id)) continue;
			headLeft ||= row === list.firstChild;
			row.remove();
			rows.delete(id);
		}
		for (const [index, user] of waiting.entries()) {
			const known = rows.get(user.connectionId);
			const entry = known ?? makeRow(user.connectionId);
			if (!known) entry.row.classList.toggle("written", written);
			fill(entry, user, user.connectionId === state.me.id);
			if (list.children[index] !== entry.row) list.insertBefore(entry.row, list.children[index] ?? null);
		}
		if (headLeft && list.firstChild && !isCalm()) moveUp();
	}

	// One animation moves the whole list, however long it is.
	function moveUp() {
		const step = list.firstChild.offsetHeight;
		list.animate({ transform: [`translateY(${step}px)`, "none"] }, { duration: 350, easing: "ease-out" });
	}

	function render(state) {
		if (state.users !== users) {
			users ??= [];
			renderRows(state);
			users = state.users;
		}
		const beyond = state.waiting - rows.size;
		setText(root.querySelector("#crowd"), crowdWords(state));
		setText(root.querySelector("#more"), beyond > 0 ? `and ${beyond.toLocaleString("en")} more` : "");
	}

	function tick(time) {
		for (const { user, note } of rows.values()) setText(note, awayWords(user, time));
	}

	function rectOf(id) {
		return rows.get(id)?.name.getBoundingClientRect();
	}

	return { render, tick, rectOf };
}
