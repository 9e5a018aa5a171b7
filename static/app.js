// Joins the rest: the link feeds the state, the state feeds the views, once an animation frame.

import { attention } from "./attention.js";
import { boardView } from "./board.js";
import { now, setClock } from "./clock.js";
import { askName, confirm } from "./dialogs.js";
import { lineView, setText } from "./line.js";
import { memoryOf } from "./memory.js";
import { playersView } from "./players.js";
import { fillShare } from "./share.js";
import { openLink } from "./socket.js";
import { canMove, initial, isMyTurn, reduce, seats } from "./state.js";
import { announcement, resultWords, standing, troubleWords } from "./words.js";

const RESULT_MS = 3000;
const NOTICE_MS = 5000;

const $ = (selector) => document.querySelector(selector);
const room = location.pathname.slice(1) || "lobby";
const screen = new URLSearchParams(location.search).get("screen"); // null, "" or "overlay"
const isScreen = screen !== null;
const memory = memoryOf(isScreen ? `${room}:screen` : room);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const calm = () => still.matches || document.hidden;

let state = initial;
let painted = initial;
let frame = 0;
let requests = 0;
let link = null;
let resultTimer;
let noticeTimer;

const line = lineView($("#next"), { now, calm });
const players = playersView($("#table"), { now, calm, rectOf: line.rectOf });
const board = boardView($("#board"), { onMove: move });
const caller = attention({ soundButton: $("#sound"), memory });

// -- State ------------------------------------------------------------------------------------

function dispatch(message) {
  const before = state;
  state = reduce(state, message);
  if (state === before) return;
  if (state.result !== before.result) {
    clearTimeout(resultTimer);
    if (state.result) resultTimer = setTimeout(dispatch, RESULT_MS, { local: "resultOver" });
  }
  if (state.notice !== before.notice) {
    clearTimeout(noticeTimer);
    if (state.notice) noticeTimer = setTimeout(dispatch, NOTICE_MS, { local: "noticeOver" });
  }
  call(before);
  frame ||= requestAnimationFrame(paint);
}

function call(before) {
  const { me } = state;
  const myTurn = isMyTurn(state);
  if (me.status === "active" && before.me.status === "inactive") caller.seated();
  else if (myTurn && !isMyTurn(before)) caller.yourTurn();
  caller.want(myTurn ? "Your turn! · Winner Stays" : "");
}

function paint() {
  frame = 0;
  players.render(state); // before the line, from which a name may come
  line.render(state);
  board(state);
  paintResult();
  paintMe();
  paintTrouble();
  $("#invite").hidden = Boolean(state.game || state.result);
  setText($("#notice"), state.notice?.text ?? "");
  const said = isScreen ? "" : announcement(painted, state);
  if (said) $("#announcer").textContent = said;
  painted = state;
}

function paintResult() {
  const result = $("#result");
  result.hidden = !state.result;
  if (!state.result) return;
  const { title, why, next } = resultWords(state);
  setText(result.querySelector(".title"), title);
  setText(result.querySelector(".why"), why);
  setText(result.querySelector(".next"), next);
  result.dataset.winner = state.result.game.winner ?? "";
}

function paintMe() {
  const { text, of, marker } = standing(state);
  const live = state.link.status === "live";
  const { status } = state.me;
  setText($("#standing"), of ? `${text} of ${of.toLocaleString("en")}` : text);
  $("#me").dataset.marker = marker ?? "";
  const own = state.users.find((user) => user.connectionId === state.me.id);
  setText($("#rename bdi"), own?.username ?? memory.name.get());
  $("#rename").hidden = !status;
  for (const [id, shown] of Object.entries({
    concede: status === "active" && state.game,
    leave: status === "inactive" || (status === "active" && !state.game),
    join: status === "spectator",
  })) {
    $(`#${id}`).hidden = !shown;
    $(`#${id}`).disabled = !live;
  }
  $("#rename").disabled = !live;
}

function paintTrouble() {
  const { status, retryAt, offline } = state.link;
  const words = { live: offline ? "Offline" : "Live", connecting: "Connecting", waiting: offline ? "Offline" : "Reconnecting", replaced: "Elsewhere", removed: "Removed" };
  document.body.dataset.link = status;
  $("#link").dataset.status = offline ? "offline" : status;
  setText($("#link"), words[status]);
  const seconds = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000));
  const text = troubleWords(state.link, seconds);
  $("#trouble").hidden = !text;
  if (!text) return;
  setText($("#trouble p"), text);
  const button = $("#trouble button");
  const ways = { waiting: "Try now", replaced: "Play here", removed: "Join anew" };
  button.hidden = !ways[status];
  setText(button, ways[status] ?? "");
}

// -- What people do ---------------------------------------------------------------------------

function request(message) {
  const requestId = String(++requests);
  return link.send({ ...message, requestId }) ? requestId : null;
}

function act(message) {
  const sent = request(message);
  if (!sent) dispatch({ local: "notice", text: "Not connected: that was not sent." });
  return sent;
}

function move(cell) {
  if (!canMove(state, cell)) return;
  const requestId = act({ action: "makeMove", cell });
  if (requestId) dispatch({ local: "move", cell, requestId });
}

async function rename() {
  const answer = await askName({ name: memory.name.get(), title: "Your name", go: "Write it up" });
  if (!answer) return;
  memory.name.set(answer.name);
  act({ action: "updateDB", username: answer.name });
}

async function join() {
  if (!memory.name.get()) {
    const answer = await askName({ name: "" });
    if (!answer) return;
    memory.name.set(answer.name);
    act({ action: "updateDB", username: answer.name });
  }
  if (act({ action: "joinQueue" })) memory.choice.set("play");
}

function leave() {
  if (act({ action: "leaveQueue" })) memory.choice.set("watch");
}

async function concede() {
  const number = state.game?.number;
  const sure = await confirm({ title: "Concede this game?", text: "You go to the back of the line.", yes: "Concede" });
  if (sure) act({ action: "gameOVER", loserId: state.me.id, game: number });
}

function again() {
  if (state.link.status === "removed") memory.session.set("");
  link.retry();
}

// -- The beginning ----------------------------------------------------------------------------

function protocols() {
  const offered = ["winner-stays.v1"];
  if (memory.session.get()) offered.push(`session.${memory.session.get()}`);
  if (memory.choice.get() === "watch") offered.push("watch");
  return offered;
}

function receive(message, first) {
  if (message.sessionId) memory.session.set(message.sessionId);
  dispatch(message);
  const name = memory.name.get();
  if (first && name && !isScreen) queueMicrotask(() => request({ action: "updateDB", username: name }));
}

function connect() {
  link = openLink({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${location.pathname}`,
    protocols,
    seated: () => state.me.status === "active",
    onMessage: receive,
    onLink: (now) => dispatch({ local: "link", link: now }),
  });
}

async function start() {
  setText($("#room"), room);
  document.documentElement.dataset.screen = isScreen ? screen || "full" : "";
  void handwriting();
  void setClock();
  void fillShare([$("#invite"), $("#share-dialog .body")], room, (copied) =>
    dispatch({ local: "notice", text: copied ? "The link is copied." : "Please copy the address by hand." }));
  if (isScreen) memory.choice.set("watch");
  if (!memory.choice.get()) {
    const { name, watch } = await askName({ name: memory.name.get(), first: true });
    if (name) memory.name.set(name);
    memory.choice.set(watch ? "watch" : "play");
  }
  connect();
}

// Loaded here because the page's policy has no room for fonts; the system's hand does until then.
async function handwriting() {
  try {
    const bytes = await (await fetch("/static/hand.woff2")).arrayBuffer();
    document.fonts.add(await new FontFace("Hand", bytes).load());
  } catch {
    // A plain hand is a hand.
  }
}

$("#trouble button").addEventListener("click", again);
$("#rename").addEventListener("click", rename);
$("#join").addEventListener("click", join);
$("#leave").addEventListener("click", leave);
$("#concede").addEventListener("click", concede);
$("#share").addEventListener("click", () => $("#share-dialog").showModal());
setInterval(() => {
  players.tick(now());
  line.tick(now());
  if (state.link.status === "waiting") paintTrouble();
}, 250);

void start();
