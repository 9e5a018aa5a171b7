// The kinds of game. A kind is one module in this folder, and one line in list.js. Nothing
// else on the page knows how large a board is, where a move may go, or what a line or a draw is.
//
// The contract of a kind, all of it pure:
//
//   columns, rows          the size of the board; `game.board` has a character a cell, row by row
//   cellAt(game, index)    the `cell` to send for a click at that place of the board, or -1 for none
//   play(game, cell, mark) the board as it will be after this move
//   placeWords(index)      where that place is, in words: "row 1, column 2"
//   wonWords, drawnWords   why a game that was played to its end is over
//   grid, strike(line)     the board's lines, and the one through a winning line: SVG paths, 100 a cell

/** @import { Game, Kind } from "../types" */

import * as list from "./list.js";

/** @type {Record<string, Kind>} */
const KINDS = list;

/** @param {Pick<Game, "kind">} game */
export function kindOf(game) {
	return KINDS[game.kind ?? "tictactoe"];
}
