// The call-up policy: when the page calls its player, and what its title says. Pure.

/** @import { State } from "./types" */

import { isMyTurn, isUntouched } from "./state.js";
import { standing } from "./words.js";

/**
 * Decide what one state after another means for the player. `isCalled` says whether the player has
 * been called to the table and has not moved since.
 * @param {State} before
 * @param {State} after
 * @param {{ isHidden: boolean, isCalled: boolean }} page
 */
export function callUp(before, after, { isHidden, isCalled }) {
	const mine = isMyTurn(after);
	const begins = mine && !isMyTurn(before);
	const isSeated = after.me.status === "active";
	const seated = isSeated && before.me.status === "inactive";
	const fresh = isSeated && Boolean(after.game && isUntouched(after.game));
	// A player who has been called to the table is not called again for the first move.
	const rings = seated || (isHidden && begins && !(fresh && isCalled));
	return {
		rings,
		isCalled: seated || (isCalled && !begins),
		title: mine ? "Your turn!" : standing(after),
		isUrgent: mine || fresh,
	};
}
