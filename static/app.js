// The link feeds the state, the state feeds the views, once an animation frame.

import { attention } from "./attention.js";
import { boardView } from "./board.js";
import { hasJumped, serverTime } from "./clock.js";
import { askName, confirmConcede } from "./dialogs.js";
import { lineView, setText } from "./line.js";
import { memoryOf } from "./memory.js";
import { playersView } from "./players.js";
import { fillShare } from "./share.js";
import { openLink } from "./socket.js";
import { canMove, cellAt, initial, isMyTurn, isUntouched, nameIn, reduce } from "./state.js";
import { announcement, resultWords, standing, troubleWords } from "./words.js";

const RESULT_MS = 3000;
const NOTICE_MS = 5000;
const CHIPS = { connecting: "Connecting", live: "Live", waiting: "Reconnecting" };
const REMEDIES = { waiting: "Try now", replaced: "Play here", removed: "Join again" };

const $ = (selector) => document.querySelector(selector);
const room = location.pathname.slice(1) || "lobby";
const screen = new URLSearchParams(location.search).get("screen"); // null: not a screen
const isScreen = screen !== null;
const memory = memoryOf(isScreen ? `${room}?screen` : room);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const now = () => serverTime(state);
const isCalm = () => still.matches || document.hidden;

let state = initial;
let painted = initial;
let frame = 0;
let requests = 0;
let isCalled = false;
let isHurried = false;
let link;
const timers = {};

const line = lineView($("#next"), { now, isCalm, most: isScreen ? 5 : 100 });
const players = playersView($("#table"), { now, isCalm, rectOf: line.rectOf });
const paintBoard = boardView($("#board"), move);
const caller = attention($("#sound"), memory);

function dispatch(message) {
	const before = state;
	state = reduce(state, message);
	expire("result", before, RESULT_MS);
	expire("notice", before, NOTICE_MS);
	callUp(before);
	frame ||= requestAnimationFrame(paint);
}

function change(part) {
	dispatch({ action: "local", change: part });
}

function expire(part, before, time) {
	if (state[part] === before[part]) return;
	clearTimeout(timers[part]);
	if (state[part]) timers[part] = setTimeout(change, time, { [part]: null });
}

function callUp(before) {
	if (isScreen) return;
	const mine = isMyTurn(state);
	const begins = mine && !isMyTurn(before);
	const seated = state.me.status === "active" && before.me.status === "inactive";
	const fresh = state.me.status === "active" && Boolean(state.game) && isUntouched(state.game);
	// Whoever has been called to the table is not called to the first move as well.
	if (seated || (document.hidden && begins && !(fresh && isCalled))) caller.call();
	isCalled = seated || (isCalled && !begins);
	caller.entitle(mine ? "Your turn!" : standing(state), mine || fresh);
}

function paint() {
	frame = 0;
	const focused = document.activeElement;
	players.render(state); // before the line, from which a name may come
	line.render(state);
	paintBoard(state);
	paintResult();
	paintMe();
	paintTrouble();
	$("#invite").hidden = Boolean(state.game || state.result);
	setText($("#notice"), state.notice?.text ?? "");
	if (focused?.closest("[hidden]")) $("#standing").focus();
	if (state.game === undefined && state.result) return; // more is on its way
	if (state.game?.number !== painted.game?.number) makeWay();
	say(announcement(painted, state));
	painted = state;
}

// No dialog hides a new game from its players, or outlives the game it was about.
function makeWay() {
	$("#confirm-dialog").close();
	if (state.me.marker) $("#share-dialog").close();
}

function say(text) {
	if (text && !isScreen) $("#announcer").textContent = text;
}

function paintResult() {
	const result = $("#result");
	result.hidden = !state.result;
	if (!state.result) return;
	const { title, why, next } = resultWords(state);
	setText(result.firstElementChild, title);
	setText(result.lastElementChild, `${why} ${next}`.trim());
	result.dataset.mark = state.result.game.winner ?? "";
}

function paintMe() {
	const { id, status, marker } = state.me;
	const shown = { rename: status, concede: marker && state.game, leave: status === "inactive" || (marker && state.game === null), join: status === "spectator" };
	for (const name in shown) {
		$(`#${name}`).hidden = !shown[name];
		$(`#${name}`).disabled = state.link.status !== "live";
	}
	setText($("#standing"), standing(state));
	$("#standing").dataset.mark = marker ?? "";
	setText($("#rename bdi"), memory.name.get() || (id ? nameIn(state, id) : ""));
}

function paintTrouble() {
	const { status, retryAt, offline } = state.link;
	document.body.dataset.link = status;
	$("#link").dataset.status = offline ? "offline" : status;
	setText($("#link span"), offline ? "Offline" : CHIPS[status] ?? "");
	const text = troubleWords(state.link, Math.max(0, Math.ceil((retryAt - performance.now()) / 1000)));
	const [words, button] = $("#trouble").children;
	$("#trouble").hidden = !text;
	setText(words, text);
	setText(button, REMEDIES[status] ?? "");
	button.hidden = !REMEDIES[status];
}

function send(message) {
	const requestId = String(++requests);
	if (link.send({ ...message, requestId })) return requestId;
	change({ notice: { text: "Not connected. Nothing was sent." } });
	return "";
}

function move(index) {
	if (!canMove(state, index)) return;
	const cell = cellAt(state.game, index);
	const requestId = send({ action: "makeMove", cell });
	if (requestId) change({ pending: { cell, requestId }, result: null, notice: null });
}

async function takeName(question) {
	const name = await askName({ name: memory.name.get(), ...question });
	if (name) memory.name.set(name);
	return name;
}

async function rename() {
	const username = await takeName({ title: "Change your name", yes: "Save", no: "Cancel" });
	if (username) send({ action: "updateDB", username });
}

async function join() {
	if (!memory.name.get()) await rename();
	if (memory.name.get() && send({ action: "joinQueue" })) memory.choice.set("play");
}

function leave() {
	if (send({ action: "leaveQueue" })) memory.choice.set("watch");
}

async function concede() {
	const game = state.game?.number;
	if (await confirmConcede()) send({ action: "gameOVER", loserId: state.me.id, game });
}

function retry() {
	if (state.link.status === "removed") memory.session.set("");
	link.retry();
}

function protocols() {
	const session = memory.session.get();
	const watch = memory.choice.get() === "watch";
	return ["winner-stays.v1", session && `session.${session}`, watch && "watch"].filter(Boolean);
}

function receive(message) {
	if (message.sessionId) memory.session.set(message.sessionId);
	dispatch({ ...message, receivedAt: performance.now() });
}

function showLink(next) {
	const came = next.status === "live" && state.link.status !== "live";
	const username = memory.name.get();
	change({ link: next });
	if (came && username && !isScreen) send({ action: "updateDB", username });
}

async function start() {
	const share = [$("#invite"), $("#share-dialog div")];
	setText($("#room"), room);
	if (isScreen) {
		document.documentElement.dataset.screen = screen || "full";
		document.head.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: "/static/screen.css" }));
		share.push($("#next"));
		memory.choice.set("watch");
	}
	fillShare(share, room);
	if (!memory.choice.get()) {
		const name = await takeName({ title: "Join the game", yes: "Join the line", no: "Just watch" });
		memory.choice.set(name ? "play" : "watch");
	}
	link = openLink({
		url: location.origin.replace("http", "ws") + location.pathname,
		protocols,
		isSeated: () => state.me.status === "active",
		onMessage: receive,
		onLink: showLink,
	});
}

const clicks = { "#trouble button": retry, "#rename": rename, "#join": join, "#leave": leave, "#concede": concede, "#share": () => $("#share-dialog").showModal() };
for (const [button, act] of Object.entries(clicks)) $(button).addEventListener("click", act);
setInterval(() => {
	if (hasJumped()) link?.wake();
	const hurry = players.tick(now()) && isMyTurn(state);
	if (hurry && !isHurried) say("5 seconds left.");
	isHurried = hurry;
	line.tick(now());
	if (state.link.status === "waiting") paintTrouble();
}, 250);

start();
