// The board: marks drawn stroke by stroke, moves by pointer and arrow keys.

import { canMove, markerIn, shownBoard } from "./state.js";
import { drawRules, drawStrike, mark } from "./strokes.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -2], End: [0, 2] };
const ASPECTS = ["board", "last", "pending", "line", "over", "preview"];
const clamp = (n) => Math.max(0, Math.min(2, n));

export function boardView(root, onMove) {
	const strike = root.querySelector("#strike");
	const cells = makeCells(root);
	let drawn = {};
	drawRules(root.querySelector("#rules"));

	for (const [index, cell] of cells.entries()) {
		// The second click of a double one belongs to the move before, not to the next game.
		cell.addEventListener("click", ({ detail }) => detail < 2 && onMove(index));
		cell.addEventListener("focus", () => cells.forEach((other) => (other.tabIndex = other === cell ? 0 : -1)));
		cell.addEventListener("keydown", (event) => {
			const { key, repeat, ctrlKey, altKey, metaKey } = event;
			if (repeat && key === "Enter") event.preventDefault();
			if (!STEPS[key] || ctrlKey || altKey || metaKey) return;
			event.preventDefault();
			const [down, right] = STEPS[key];
			cells[3 * clamp(Math.floor(index / 3) + down) + clamp((index % 3) + right)].focus();
		});
	}

	function renderCell(cell, index, shown, open) {
		const now = shown.board[index];
		const empty = now === ".";
		const ghost = empty && !shown.over ? shown.preview : "";
		if (cell.dataset.mark !== now || cell.dataset.ghost !== ghost) {
			const marker = empty ? ghost : now;
			cell.replaceChildren(...(marker ? [mark(marker)] : []));
			cell.classList.toggle("drawing", !empty && drawn.board?.[index] === ".");
		}
		Object.assign(cell.dataset, { mark: now, ghost });
		cell.classList.toggle("pending", index === shown.pending);
		cell.classList.toggle("last", index === shown.last);
		cell.classList.toggle("beaten", Boolean(shown.line) && !shown.line.includes(index));
		const place = `Row ${Math.floor(index / 3) + 1}, column ${(index % 3) + 1}`;
		cell.ariaLabel = `${place}: ${empty ? "empty" : now}${index === shown.last ? ", last move" : ""}`;
		// While a result is shown, the next game's board lies empty beneath it.
		cell.ariaDisabled = !(open && (empty || shown.over));
	}

	return function render(state) {
		const open = canMove(state);
		const preview = open ? markerIn(state.game, state.me.id) : "";
		const shown = { ...shownBoard(state), preview };
		if (ASPECTS.every((aspect) => shown[aspect] === drawn[aspect])) return;
		root.hidden = !shown.board;
		root.dataset.mine = preview;
		root.classList.toggle("over", Boolean(shown.over));
		if (shown.line !== drawn.line) drawStrike(strike, shown.line);
		if (shown.board) cells.forEach((cell, index) => renderCell(cell, index, shown, open));
		drawn = shown;
	};
}

function makeCells(root) {
	const made = (name, role) => Object.assign(document.createElement(name), { role });
	const cells = [];
	for (let row = 0; row < 3; row++) {
		const line = made("div", "row");
		for (let column = 0; column < 3; column++) {
			const cell = document.createElement("button");
			Object.assign(cell, { type: "button", className: "cell", tabIndex: cells.length ? -1 : 0 });
			cells.push(cell);
			line.append(made("div", "gridcell"));
			line.lastChild.append(cell);
		}
		root.append(line);
	}
	return cells;
}
