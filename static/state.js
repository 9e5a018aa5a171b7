// What the page knows, as a pure function of what it knew and one message: no DOM, no clock, no
// socket. Messages are the server's own (docs: design, "Wire protocol"), and a few of the page's,
// told apart by `local`: link, move, notice, noticeOver, resultOver.

export const initial = Object.freeze({
  link: { status: "connecting" }, // see socket.js
  room: "",
  me: { id: null, status: null, marker: null, position: null },
  users: [], // the window, in line order, players included
  waiting: 0,
  spectators: 0,
  game: null, // the one being played
  last: null, // the cell of its last move, where that was seen
  names: {}, // of the players of the game, kept beyond their leaving
  result: null, // the game that has just ended, while it is shown
  pending: null, // my move, not yet confirmed: { cell, requestId }
  notice: null, // something to be said once
});

export function reduce(state, message) {
  if (message.local) return reduceLocal(state, message);
  switch (message.action) {
    case undefined:
      return hello(state, message);
    case "joinedQueue": {
      const { status, marker = null, position = null } = message;
      return { ...state, me: { ...state.me, status, marker, position } };
    }
    case "queueUpdate":
      return withUsers(state, message, message.data);
    case "queueDelta": {
      const gone = new Set(message.remove);
      for (const user of message.upsert) gone.add(user.connectionId);
      const kept = state.users.filter((user) => !gone.has(user.connectionId));
      return withUsers(state, message, [...kept, ...message.upsert]);
    }
    case "gameUpdate":
      return withGame(state, message.game);
    case "response":
      return response(state, message);
    default:
      return state;
  }
}

function reduceLocal(state, message) {
  switch (message.local) {
    case "link":
      return { ...state, link: message.link };
    case "move":
      return {
        ...state,
        result: null,
        notice: null,
        pending: { cell: message.cell, requestId: message.requestId },
      };
    case "notice":
      return { ...state, notice: { text: message.text } };
    case "noticeOver":
      return { ...state, notice: null };
    case "resultOver":
      return { ...state, result: null };
    default:
      return state;
  }
}

function hello(state, { connectionId, room }) {
  if (!connectionId) return state;
  // A hello in the middle of a connection, an answer to sendInfo, changes nothing.
  if (state.me.id === connectionId && state.link.status === "live") return state;
  return { ...state, room, me: { ...state.me, id: connectionId }, pending: null };
}

function withUsers(state, { waiting, spectators }, list) {
  const users = [...list].sort((a, b) => (a.joinedAt < b.joinedAt ? -1 : 1));
  return withNames({ ...state, users, waiting, spectators });
}

function withGame(state, game) {
  if (game && game.status !== "playing") {
    const ended = withNames({ ...state, game });
    const { names } = ended;
    const streak = ended.users.find((user) => user.connectionId === winnerId(game))?.streak ?? 0;
    const result = { game, names, last: lastMove(state, game), streak };
    return { ...ended, game: null, last: null, pending: null, result };
  }
  const same = game && state.game?.number === game.number;
  const confirmed = !same || game.board !== state.game.board || game.turn !== state.game.turn;
  const next = withNames({
    ...state,
    game,
    last: same ? lastMove(state, game) : null,
    pending: confirmed ? null : state.pending,
  });
  // The result must not stand in the way of somebody whose game goes on.
  const mine = game && Object.values(game.players).includes(state.me.id);
  const moved = game && game.board !== EMPTY;
  return mine && moved ? { ...next, result: null } : next;
}

function response(state, { requestId, statusCode, body }) {
  if (statusCode < 400) return state;
  const refused = state.pending && state.pending.requestId === requestId;
  const text = refused ? `Your move was taken back: ${body?.message}` : body?.message;
  return { ...state, pending: refused ? null : state.pending, notice: { text, requestId } };
}

function withNames(state) {
  if (!state.game) return state;
  const names = {};
  for (const id of Object.values(state.game.players)) {
    const user = state.users.find((one) => one.connectionId === id);
    names[id] = user?.username ?? state.names[id] ?? nameOf(null, id);
  }
  return { ...state, names };
}

function lastMove(state, game) {
  if (state.game?.number !== game.number) return null;
  const before = state.game.board;
  const cell = [...game.board].findIndex((mark, index) => mark !== before[index]);
  return cell < 0 ? state.last : cell;
}

const EMPTY = ".........";

// -- What can be read off a state ------------------------------------------------------------

export function nameOf(user, id = user?.connectionId) {
  return user?.username ?? `Guest ${String(id ?? "").slice(0, 4)}`.trim();
}

export function winnerId(game) {
  return game.winner ? game.players[game.winner] : null;
}

export function markerIn(game, id) {
  return game ? (["X", "O"].find((marker) => game.players[marker] === id) ?? null) : null;
}

/** Who is seated, by marker. */
export function seats(state) {
  const found = { X: null, O: null };
  for (const user of state.users) {
    if (user.status !== "active") continue;
    const { connectionId: id, streak = 0, absent } = user;
    found[user.marker] = { id, name: nameOf(user), streak, absent };
  }
  return found;
}

export function line(state) {
  return state.users.filter((user) => user.status === "inactive");
}

/** My place in line, from 1; null for whoever plays or watches. */
export function place(state) {
  if (state.me.status !== "inactive") return null;
  const index = line(state).findIndex((user) => user.connectionId === state.me.id);
  return index < 0 ? state.me.position : index + 1;
}

export function absentPlayer(state) {
  return state.users.find((user) => user.status === "active" && user.absent) ?? null;
}

export function isMyTurn(state) {
  const { game, me } = state;
  return Boolean(game?.turn && game.players[game.turn] === me.id && !absentPlayer(state));
}

export function canMove(state, cell) {
  if (!isMyTurn(state) || state.pending || state.link.status !== "live") return false;
  return cell === undefined || state.game.board[cell] === ".";
}

/** The board to draw: marks, the unconfirmed one among them, the last move and the winning line. */
export function shownBoard(state) {
  if (state.result) {
    const { game, last } = state.result;
    return { number: game.number, board: game.board, last, line: game.line ?? null };
  }
  const { game, pending, last, me } = state;
  if (!game) return null;
  let board = game.board;
  if (pending) {
    board = board.slice(0, pending.cell) + markerIn(game, me.id) + board.slice(pending.cell + 1);
  }
  return { number: game.number, board, last, line: null, pending: pending?.cell };
}
