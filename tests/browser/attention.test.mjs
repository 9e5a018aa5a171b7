import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { callUp } from "../../static/attention.js";
import { delta, game, seated, standing, table } from "./room.mjs";

const hidden = { isHidden: true, isCalled: false };
const shown = { isHidden: false, isCalled: false };
const up = [standing("active", { marker: "O" }), delta([seated("Cleo", 3, "O")], ["id-Ben"])];
const players = { X: "id-Ada", O: "id-Cleo" };
const fresh = game(".........", "O", { number: 2, players });
const turn = game("X........", "O", { number: 2, players });

describe("the page calls its player", () => {
	const after = (...messages) => table("Cleo", ...messages);

	it("to the table, even if the page is visible", () => {
		assert.ok(callUp(after(), after(...up), shown).rings);
	});

	it("to a move, only if the page is hidden", () => {
		const [before, now] = [after(...up), after(...up, turn)];
		assert.ok(callUp(before, now, hidden).rings);
		assert.ok(!callUp(before, now, shown).rings);
	});

	it("once for a seat and its first move", () => {
		const call = callUp(after(), after(...up), hidden);
		assert.ok(call.isCalled);
		const first = callUp(after(...up), after(...up, fresh), { ...hidden, isCalled: true });
		assert.ok(!first.rings);
		assert.ok(!first.isCalled);
		assert.ok(callUp(after(...up), after(...up, fresh), hidden).rings);
	});

	it("never while watching or waiting", () => {
		assert.ok(!callUp(table("Eve"), table("Eve", up[1], fresh), hidden).rings);
		assert.ok(!callUp(after(), after(game("X........", "O")), hidden).rings);
	});
});

describe("the title", () => {
	it("says whose turn it is, urgently, or else the player's place", () => {
		const { title, isUrgent } = callUp(table("Cleo"), table("Cleo", ...up, turn), shown);
		assert.deepEqual([title, isUrgent], ["Your turn!", true]);
		const waiting = callUp(table("Cleo"), table("Cleo"), shown);
		assert.deepEqual([waiting.title, waiting.isUrgent], ["You are next", false]);
	});
});
