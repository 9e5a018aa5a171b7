// One connection, reopened with full jitter whenever it is lost or silent for too long. Its state is a
// link: { status, reason?, retryAt?, offline }. The status is connecting, live, waiting (for the next
// try), replaced (by another tab) or removed (by the host); the last two stay until `open()`.

/** @import { Connection, Link } from "./types" */

const MOST_APART_SEATED = 4000; // all in ms
const MOST_APART = 20000;
const SILENCE_SEATED = 6000; // after this long without a message, ask the server for one
const SILENCE = 25000;
const ANSWER = 4000;
const CONNECT_SEATED = 5000;
const CONNECT = 10000;
const STEADY = 5000;
const DEAD_LINE = 4000; // our close code for a dead connection; 1000 would give up the seat

/** @type {Record<number, string>} */
const REASONS = { 1001: "restart", 1008: "busy", 1013: "store", 4008: "slow" };
/** @type {Record<number, "replaced" | "removed">} */
const FINAL = { 4001: "replaced", 4002: "removed" };

/**
 * @param {object} options
 * @param {string} options.url
 * @param {() => string[]} options.protocols
 * @param {() => boolean} options.isSeated
 * @param {(message: any) => void} options.onMessage
 * @param {(link: Link) => void} options.onLink
 * @returns {Connection}
 */
export function connectionTo({ url, protocols, isSeated, onMessage, onLink }) {
	/** @type {WebSocket | null} */
	let socket = null;
	/** @type {Link} */
	let link = { status: "connecting" };
	let attempts = 0;
	let liveSince = 0;
	let retryTimer = 0;
	let guardTimer = 0;

	/** @param {Link} next */
	function report(next) {
		link = { ...next, offline: !navigator.onLine };
		onLink(link);
	}

	function connect() {
		clearTimeout(retryTimer);
		report({ status: "connecting", reason: link.reason });
		const mine = new WebSocket(url, protocols());
		let opened = false;
		socket = mine;
		guard(isSeated() ? CONNECT_SEATED : CONNECT, drop);
		mine.onopen = () => (opened = true);
		mine.onmessage = ({ data }) => {
			if (socket !== mine) return;
			const first = link.status !== "live";
			onMessage(JSON.parse(data));
			guard(isSeated() ? SILENCE_SEATED : SILENCE, ask);
			if (!first) return;
			liveSince = performance.now();
			report({ status: "live" });
		};
		mine.onclose = ({ code }) => socket === mine && lost(code, opened);
	}

	/**
	 * @param {number} code
	 * @param {boolean} opened
	 */
	function lost(code, opened) {
		clearTimeout(guardTimer);
		socket = null;
		if (FINAL[code]) return report({ status: FINAL[code], reason: "lost" });
		if (link.status === "live" && performance.now() - liveSince > STEADY) attempts = 0;
		const most = isSeated() ? MOST_APART_SEATED : MOST_APART;
		const delay = Math.random() * Math.min(most, 500 * 2 ** attempts++);
		const reason = REASONS[code] ?? (opened ? "lost" : (link.reason ?? "unreachable"));
		report({ status: "waiting", reason, retryAt: performance.now() + delay });
		retryTimer = setTimeout(connect, delay);
		if (!opened && attempts > 1) diagnose();
	}

	// A script cannot tell a refused handshake from any other failure, so ask whether the server is ready.
	async function diagnose() {
		const answer = await fetch("/readyz", { cache: "no-store" }).catch(() => null);
		const reason = !answer ? "unreachable" : answer.ok ? "full" : "store";
		if (link.status === "waiting") report({ ...link, reason });
	}

	/**
	 * @param {number} time
	 * @param {() => void} then
	 */
	function guard(time, then) {
		clearTimeout(guardTimer);
		guardTimer = setTimeout(then, time);
	}

	function ask() {
		if (send({ action: "sendInfo" })) guard(ANSWER, drop);
	}

	function drop() {
		const dead = socket;
		lost(0, link.status === "live");
		dead?.close(DEAD_LINE);
	}

	/** @param {object} message */
	function send(message) {
		if (link.status !== "live" || socket?.readyState !== WebSocket.OPEN) return false;
		socket.send(JSON.stringify(message));
		return true;
	}

	function open() {
		if (!socket) connect();
	}

	function wake() {
		report(link);
		if (link.status === "live") ask();
		if (link.status === "waiting") open();
	}

	for (const event of ["online", "offline", "pageshow"]) addEventListener(event, wake);
	document.addEventListener("visibilitychange", () => document.hidden || wake());
	return { open, send, wake };
}
