// Tic-tac-toe: nine cells, three in a row win, and a full board is a draw.

/** @import { Kind } from "../types" */

const SIZE = 3;

/** @param {number} index */
const rowOf = (index) => Math.floor(index / SIZE);
/** @param {number} index */
const columnOf = (index) => index % SIZE;

/** @type {Kind} */
export const tictactoe = {
	columns: SIZE,
	rows: SIZE,
	wonWords: "Three in a row.",
	drawnWords: "Board full.",
	grid: [
		"M101 8C98 84 103 196 99 293",
		"M200 6C204 95 197 210 202 294",
		"M7 101C92 97 205 104 294 99",
		"M6 200C100 204 214 196 293 202",
	],

	cellAt({ board }, index) {
		return board[index] === "." ? index : -1;
	},

	play({ board }, cell, mark) {
		return board.slice(0, cell) + mark + board.slice(cell + 1);
	},

	placeWords(index) {
		return `row ${rowOf(index) + 1}, column ${columnOf(index) + 1}`;
	},

	strike(line) {
		const [[x1, y1], [x2, y2]] = [line[0], line[2]].map((index) => [columnOf(index), rowOf(index)]);
		/** @type {(from: number, to: number) => number} */
		const beyond = (from, to) => 50 + 100 * to + 34 * Math.sign(to - from);
		const bend = `${55 + 50 * (x1 + x2)} ${44 + 50 * (y1 + y2)}`;
		return `M${beyond(x2, x1)} ${beyond(y2, y1)}Q${bend} ${beyond(x1, x2)} ${beyond(y1, y2)}`;
	},
};
