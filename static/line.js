// The line: at most a hundred rows, keyed by connection, so that an update touches only what changed.

/** @import { State, User, View } from "./types" */

import { part, setText } from "./dom.js";
import { line, nameOf } from "./state.js";
import { awayWords, crowdWords } from "./words.js";

/** @typedef {{ row: HTMLLIElement, name: HTMLElement, note: HTMLElement, user?: User }} Entry */

/**
 * @param {HTMLElement} root
 * @param {{ isCalm: () => boolean, most: number }} options
 */
export function lineView(root, { isCalm, most }) {
	const [list, crowd, more] = [part(root, "#line"), part(root, "#crowd"), part(root, "#more")];
	/** @type {Map<string, Entry>} */
	const rows = new Map();
	/** @type {User[] | undefined} */
	let users;

	/**
	 * @param {string} id
	 * @returns {Entry}
	 */
	function makeRow(id) {
		const row = document.createElement("li");
		const name = document.createElement("bdi");
		const note = document.createElement("span");
		note.className = "note";
		row.append(name, note);
		const entry = { row, name, note };
		rows.set(id, entry);
		return entry;
	}

	/**
	 * @param {Entry} entry
	 * @param {User} user
	 * @param {boolean} isMe
	 */
	function fill(entry, user, isMe) {
		entry.row.classList.toggle("mine", isMe);
		if (entry.user === user) return;
		entry.user = user;
		entry.row.classList.toggle("absent", "absent" in user);
		setText(entry.name, nameOf(user));
	}

	/** @param {State} state */
	function renderRows(state) {
		const waiting = line(state).slice(0, most);
		const present = new Set(waiting.map((user) => user.connectionId));
		const written = Boolean(users?.length);
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
		const step = part(list, "li").offsetHeight;
		list.animate({ transform: [`translateY(${step}px)`, "none"] }, { duration: 350, easing: "ease-out" });
	}

	/** @type {View} */
	function render(state, now) {
		if (state.users !== users) {
			renderRows(state);
			users = state.users;
		}
		const beyond = state.waiting - rows.size;
		for (const { user, note } of rows.values()) setText(note, awayWords(user, now));
		setText(crowd, crowdWords(state));
		setText(more, beyond > 0 ? `and ${beyond.toLocaleString("en")} more` : "");
	}

	/**
	 * Where the name is in the line now, if it is there.
	 * @param {string} id
	 */
	function rectOf(id) {
		return rows.get(id)?.name.getBoundingClientRect();
	}

	return { render, rectOf };
}
