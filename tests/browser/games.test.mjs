import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { kindOf } from "../../static/games/index.js";
import { table } from "./room.mjs";

const tictactoe = kindOf({ kind: "tictactoe" });

describe("the kind of a game", () => {
	it("is tic-tac-toe unless the game says otherwise", () => {
		assert.equal(kindOf({}), tictactoe);
		assert.equal(kindOf(table("Ada").game), tictactoe);
	});
});

describe("tic-tac-toe", () => {
	const board = "XO.......";

	it("takes a move at each free cell", () => {
		const cells = [...board].map((_, index) => tictactoe.cellAt({ board }, index));
		assert.deepEqual(cells, [-1, -1, 2, 3, 4, 5, 6, 7, 8]);
	});

	it("sets the mark where the move says", () => {
		assert.equal(tictactoe.play({ board }, 8, "X"), "XO......X");
	});

	it("counts places row by row", () => {
		assert.equal(tictactoe.placeWords(0), "row 1, column 1");
		assert.equal(tictactoe.placeWords(5), "row 2, column 3");
	});

	it("strikes through a line from beyond one end to beyond the other", () => {
		assert.match(tictactoe.strike([0, 1, 2]), /^M16 50Q.* 284 50$/);
		assert.match(tictactoe.strike([2, 4, 6]), /^M284 16Q.* 16 284$/);
	});
});
