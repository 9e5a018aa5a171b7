// The server's time, which deadlines are given in: the page's monotonic clock plus the offset that
// the last hello gave. A step of the wall clock does not change it.

/** @import { State } from "./types" */

const JUMP_MS = 1000;

let lead = wallClockLead();

/** @param {State} state */
export function serverTime({ clockOffset }) {
	return performance.now() + clockOffset;
}

/**
 * Tell whether the wall clock and the monotonic clock have moved apart since the last call. Some
 * systems stop the monotonic clock during a suspend, so the server has to be asked for its time.
 */
export function hasJumped() {
	const before = lead;
	lead = wallClockLead();
	return Math.abs(lead - before) > JUMP_MS;
}

function wallClockLead() {
	return Date.now() - performance.now();
}
