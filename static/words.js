// Everything the page says in sentences: whose turn it is, who won and why, what happens next.
// Pure: text from state. What is said aloud to a screen reader is chosen here too.

import { absentPlayer, isMyTurn, markerIn, nameOf, place, seats, winnerId } from "./state.js";

export function ordinal(n) {
  const tens = n % 100;
  const suffix = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n.toLocaleString("en")}${suffix}`;
}

export function count(n, one, many) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** The sentence above the board. */
export function turnWords(state) {
  const { game, me } = state;
  const seated = Object.values(seats(state)).filter(Boolean);
  if (!game) {
    if (seated.length === 0) return "The table is free";
    if (seated[0].id !== me.id) return `${seated[0].name} is waiting for someone to play`;
    return state.waiting + state.spectators ? "Waiting for someone to play" : "You are the first one here";
  }
  const absent = absentPlayer(state);
  if (absent) {
    return absent.connectionId === me.id ? "You are away" : `${nameOf(absent)} is away: the game waits`;
  }
  if (isMyTurn(state)) return state.pending ? "…" : "Your turn";
  return `${state.names[game.players[game.turn]]}’s turn`;
}

/** Who won, why, and what happens next. */
export function resultWords(state) {
  const { game, names } = state.result;
  const id = winnerId(game);
  const mine = markerIn(game, state.me.id);
  if (!id) {
    const title = game.status === "draw" ? "A draw" : "Nobody wins";
    const why = game.status === "draw" ? "Nine marks, no line." : "Both players left.";
    return { title, why, next: mine ? nextForMe(state) : "Both go to the back of the line." };
  }
  const loser = game.players[game.winner === "X" ? "O" : "X"];
  const me = state.me.id;
  const who = loser === me ? "You" : names[loser];
  const why = {
    won: game.line ? "Three in a row." : "",
    conceded: `${who} conceded.`,
    timeout: `${who} ran out of time.`,
    abandoned: `${who} left the game.`,
  }[game.status];
  const title = id === me ? "You win!" : `${names[id]} wins`;
  return { title, why, next: mine ? nextForMe(state) : nextForAll(state, id) };
}

function nextForMe(state) {
  const { game } = state.result;
  const own = state.users.find((user) => user.connectionId === state.me.id);
  if (state.me.status === "active") {
    if (winnerId(game) === state.me.id) return `You stay on: ${own?.streak ?? 1} in a row.`;
    return "Nobody is waiting: a rematch.";
  }
  if (state.me.status === "spectator") return "You are watching now.";
  const won = winnerId(game) === state.me.id ? "A full run! " : "";
  const at = place(state);
  return at === 1 ? `${won}You are back in line, next up.` : `${won}You are back in line, ${ordinal(at ?? 1)}.`;
}

function nextForAll(state, id) {
  const winner = state.users.find((user) => user.connectionId === id);
  if (winner?.status !== "active") return "Both seats change.";
  return `Stays on: ${winner.streak ?? 1} in a row.`;
}

/** Where I stand, for the bar at the bottom. */
export function standing(state) {
  const { me } = state;
  const at = place(state);
  if (me.status === "active") return { text: `You play ${me.marker}`, marker: me.marker };
  if (me.status === "inactive") {
    if (at === 1) return { text: "You are next" };
    return { text: `You are ${ordinal(at ?? 0)} in line`, of: state.waiting };
  }
  return { text: me.status ? "You are watching" : "" };
}

const TROUBLE = {
  lost: "The connection was lost.",
  unreachable: "The server cannot be reached.",
  restart: "The server is going down, or starting anew.",
  full: "The server is full, or lets nobody in just now.",
  store: "The server is there, but cannot reach its store.",
  slow: "This connection was too slow to keep up.",
  busy: "Too many messages at once.",
  replaced: "You are playing in another tab.",
  removed: "The host has removed you from this room.",
};

/** What is wrong with the connection, and what is being done about it; null while it is live. */
export function troubleWords({ status, reason, offline }, seconds) {
  if (status === "live") return offline ? "This device is offline, but the server still answers." : null;
  if (status === "replaced" || status === "removed") return TROUBLE[status];
  if (!reason && !offline) return null;
  const what = offline ? "You are offline." : TROUBLE[reason];
  const then = status === "waiting" ? `Next try in ${seconds} s.` : "Trying now…";
  return `${what} ${then}`;
}

/** What a screen reader is told when the page goes from one state to the next; "" for nothing. */
export function announcement(before, after) {
  const said = [];
  if (after.notice && after.notice !== before.notice) said.push(after.notice.text);
  const lost = troubleWords(after.link, 0);
  if (before.link.status === "live" && lost) said.push(lost.replace(/ Next try.*/, " Reconnecting."));
  if (before.link.reason && after.link.status === "live") said.push("Connected again.");
  if (after.result && after.result !== before.result) {
    const { title, why, next } = resultWords(after);
    said.push(`${title.replace(/!$/, "")}. ${why} ${next}`);
  }
  said.push(move(before, after), promotion(before, after));
  const turn = turnWords(after);
  if (turn !== "…" && turn !== turnWords(before) && !(before.pending && isMyTurn(after))) said.push(`${turn}.`);
  return said.filter(Boolean).join(" ").trim();
}

function move(before, after) {
  const { game, last } = after;
  if (!game || game.number !== before.game?.number || game.board === before.game.board) return "";
  if (last === null || game.players[game.board[last]] === after.me.id) return "";
  return `${game.board[last]} in row ${Math.floor(last / 3) + 1}, column ${(last % 3) + 1}.`;
}

function promotion(before, after) {
  const { me } = after;
  if (me.status === "active" && before.me.status === "inactive") {
    return `You are at the table. You play ${me.marker}.`;
  }
  const at = place(after);
  if (at === 1 && place(before) !== 1 && before.me.status !== "active") return "You are next.";
  return at !== null && before.me.status !== "inactive" && !after.result
    ? `You are ${ordinal(at)} in line.` : "";
}
