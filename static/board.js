// The board: marks drawn stroke by stroke, moves by pointer and arrow keys.

/** @import { Kind, ShownBoard, View } from "./types" */

import { kindOf } from "./games/index.js";
import { canMove, markerIn, shownBoard } from "./state.js";
import { draw, mark } from "./strokes.js";

/** @type {Record<string, [number, number]>} down and right */
const STEPS = {
	ArrowUp: [-1, 0],
	ArrowDown: [1, 0],
	ArrowLeft: [0, -1],
	ArrowRight: [0, 1],
	Home: [0, -Infinity],
	End: [0, Infinity],
};
/** @type {(keyof Shown)[]} */
const ASPECTS = ["kind", "board", "last", "pending", "line", "over", "preview"];
/** @typedef {Partial<ShownBoard> & { preview?: "X" | "O" | "" }} Shown */

/** @type {(n: number, most: number) => number} */
const clamp = (n, most) => Math.max(0, Math.min(most, n));

/**
 * @param {HTMLElement} root
 * @param {(index: number) => void} onMove
 * @returns {View}
 */
export function boardView(root, onMove) {
	const grid = /** @type {SVGElement} */ (root.querySelector("#rules"));
	const strike = /** @type {SVGElement} */ (root.querySelector("#strike"));
	/** @type {HTMLButtonElement[]} */
	let cells = [];
	/** @type {Kind} */
	let built;
	/** @type {Shown} */
	let drawn = {};

	/** @param {Kind} kind */
	function build(kind) {
		built = kind;
		const { columns, rows } = kind;
		const made = makeCells(rows, columns);
		root.querySelectorAll('[role="row"]').forEach((row) => row.remove());
		root.append(...made.rows);
		root.parentElement?.style.setProperty("--columns", String(columns));
		root.parentElement?.style.setProperty("--rows", String(rows));
		for (const svg of [grid, strike]) svg.setAttribute("viewBox", `0 0 ${columns * 100} ${rows * 100}`);
		draw(grid, kind.grid);
		cells = made.cells;
		cells.forEach((cell, index) => listen(cell, index, kind));
	}

	/**
	 * @param {HTMLButtonElement} cell
	 * @param {number} index
	 * @param {Kind} kind
	 */
	function listen(cell, index, { columns, rows }) {
		// The second click of a double click belongs to the move before, not to the next game.
		cell.addEventListener("click", ({ detail }) => detail < 2 && onMove(index));
		cell.addEventListener("focus", () => cells.forEach((other) => (other.tabIndex = other === cell ? 0 : -1)));
		cell.addEventListener("keydown", (event) => {
			const { key, repeat, ctrlKey, altKey, metaKey } = event;
			if (repeat && key === "Enter") event.preventDefault();
			if (!STEPS[key] || ctrlKey || altKey || metaKey) return;
			event.preventDefault();
			const [down, right] = STEPS[key];
			const row = clamp(Math.floor(index / columns) + down, rows - 1);
			cells[columns * row + clamp((index % columns) + right, columns - 1)].focus();
		});
	}

	/**
	 * @param {HTMLButtonElement} cell
	 * @param {number} index
	 * @param {Shown & ShownBoard} shown
	 * @param {boolean} playable
	 */
	function renderCell(cell, index, shown, playable) {
		const now = shown.board[index];
		const empty = now === ".";
		const ghost = (empty && playable && !shown.over && shown.preview) || "";
		if (cell.dataset.mark !== now || cell.dataset.ghost !== ghost) {
			const marker = empty ? ghost : /** @type {"X" | "O"} */ (now);
			cell.replaceChildren(...(marker ? [mark(marker)] : []));
			cell.classList.toggle("drawing", !empty && drawn.board?.[index] === ".");
		}
		Object.assign(cell.dataset, { mark: now, ghost });
		cell.classList.toggle("pending", index === shown.pending);
		cell.classList.toggle("last", index === shown.last);
		cell.classList.toggle("beaten", shown.line !== undefined && !shown.line.includes(index));
		const place = shown.kind.placeWords(index);
		cell.ariaLabel = `${place[0].toUpperCase()}${place.slice(1)}: ${empty ? "empty" : now}${index === shown.last ? ", last move" : ""}`;
		cell.ariaDisabled = String(!playable);
	}

	build(kindOf({})); // until the server tells
	return function render(state) {
		const board = shownBoard(state);
		/** @type {Shown} */
		const shown = { ...board, preview: canMove(state) ? markerIn(state.game, state.me.id) : "" };
		if (ASPECTS.every((aspect) => shown[aspect] === drawn[aspect])) return;
		root.hidden = !board;
		root.dataset.mine = shown.preview;
		root.classList.toggle("over", Boolean(shown.over));
		if (board && board.kind !== built) build(board.kind);
		if (shown.line !== drawn.line) draw(strike, board?.line ? [board.kind.strike(board.line)] : []);
		// While a result is shown, a click is a move in the next game.
		if (board) {
			const both = { ...shown, ...board };
			cells.forEach((cell, index) => renderCell(cell, index, both, canMove(state, index)));
		}
		drawn = shown;
	};
}

/**
 * @param {number} height
 * @param {number} width
 */
function makeCells(height, width) {
	/** @type {(role: string) => HTMLElement} */
	const made = (role) => Object.assign(document.createElement("div"), { role });
	/** @type {HTMLElement[]} */
	const rows = [];
	/** @type {HTMLButtonElement[]} */
	const cells = [];
	for (let row = 0; row < height; row++) {
		const line = made("row");
		for (let column = 0; column < width; column++) {
			const cell = document.createElement("button");
			Object.assign(cell, { type: "button", className: "cell", tabIndex: cells.length ? -1 : 0 });
			cells.push(cell);
			const place = made("gridcell");
			place.append(cell);
			line.append(place);
		}
		rows.push(line);
	}
	return { rows, cells };
}
