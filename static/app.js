// Joins the page: messages change the state, and views paint the state, once an animation frame.

/** @import { View } from "./types" */

import { actionsOf } from "./actions.js";
import { announcerView } from "./announcer.js";
import { bellOf } from "./bell.js";
import { boardView } from "./board.js";
import { hasJumped } from "./clock.js";
import { dialogsView } from "./dialogs.js";
import { part, setText } from "./dom.js";
import { lineView } from "./line.js";
import { meView } from "./me.js";
import { memoryOf } from "./memory.js";
import { painter } from "./painter.js";
import { playersView } from "./players.js";
import { resultView } from "./result.js";
import { fillShare, inviteView } from "./share.js";
import { connectionTo } from "./socket.js";
import { makeStore } from "./store.js";
import { troubleView } from "./trouble.js";

const TICK_MS = 250; // between two looks at the clock

const room = location.pathname.slice(1) || "lobby";
const screen = new URLSearchParams(location.search).get("screen"); // null: not a screen
const isScreen = screen !== null;
const memory = memoryOf(isScreen ? `${room}?screen` : room);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const isCalm = () => still.matches || document.hidden;

const store = makeStore();
const connection = connectionTo({
	url: location.origin.replace("http", "ws") + location.pathname,
	protocols,
	isSeated: () => store.state.me.status === "active",
	onMessage(message) {
		if (message.sessionId) memory.session.set(message.sessionId);
		store.dispatch({ ...message, receivedAt: performance.now() });
	},
	onLink: (link) => store.change({ link }),
});
const actions = actionsOf(store, memory, connection);

/** @param {string} selector */
const $ = (selector) => part(document, selector);
const line = lineView($("#next"), { isCalm, most: isScreen ? 5 : 100 });
/** @type {View[]} */
const views = [
	playersView($("#table"), { isCalm, rectOf: line.rectOf }), // before the line, from which a name may come
	line.render,
	boardView($("#board"), actions.move),
	resultView($("#result")),
	meView($("#me"), actions),
	troubleView($("header"), actions),
	inviteView($("#invite")),
	({ notice }) => setText($("#notice"), notice?.text ?? ""),
	dialogsView($("#share")),
];
if (!isScreen) views.push(announcerView($("#announcer")));

const paint = painter(store, views, $("#standing"));
const ring = bellOf($("#sound"), memory);

function protocols() {
	const session = memory.session.get();
	const isWatching = isScreen || memory.choice.get() === "watch";
	return ["winner-stays.v1", session && `session.${session}`, isWatching ? "watch" : ""].filter(Boolean);
}

async function start() {
	const places = [$("#invite"), $("#share-dialog div")];
	setText($("#room"), room);
	if (isScreen) {
		document.documentElement.dataset.screen = screen || "full";
		const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/static/screen.css" });
		document.head.append(style);
		places.push($("#next"));
	}
	fillShare(places, room);
	store.change({ name: memory.name.get() });
	if (!isScreen) await actions.enter();

	store.subscribe((before, after) => {
		paint();
		if (isScreen) return;
		ring(before, after);
		if (after.link.status === "live" && before.link.status !== "live") actions.introduce();
	});
	setInterval(() => {
		paint();
		if (hasJumped()) connection.wake();
	}, TICK_MS);
	connection.open();
}

start();
