// The line: at most a hundred rows, kept by who they are, so that a change touches what changed
// and nothing grows with the number of people behind them.

import { line, nameOf } from "./state.js";
import { count } from "./words.js";

export function lineView(root, { now, calm }) {
  const list = root.querySelector("#line");
  const counts = root.querySelector("#counts");
  const more = root.querySelector("#more");
  const rows = new Map();
  let users;
  let self;

  function makeRow(user) {
    const row = document.createElement("li");
    const name = document.createElement("bdi");
    const note = document.createElement("span");
    note.className = "note";
    row.append(name, note);
    rows.set(user.connectionId, { row, name, note, user: null });
    return rows.get(user.connectionId);
  }

  function fill(entry, user, mine) {
    entry.row.classList.toggle("mine", mine);
    if (entry.user === user) return;
    entry.user = user;
    setText(entry.name, nameOf(user));
    entry.row.classList.toggle("absent", Boolean(user.absent));
    setText(entry.note, user.absent ? away(user, now()) : "");
  }

  function renderRows(state) {
    const waiting = line(state);
    const present = new Set(waiting.map((user) => user.connectionId));
    const first = rows.size === 0;
    let gone = 0;
    for (const [id, { row }] of rows) {
      if (present.has(id)) continue;
      if (row === list.children[gone]) gone++;
      row.remove();
      rows.delete(id);
    }
    for (const [index, user] of waiting.entries()) {
      const known = rows.get(user.connectionId);
      const entry = known ?? makeRow(user);
      if (!known && !first) entry.row.classList.add("written");
      fill(entry, user, user.connectionId === state.me.id);
      if (list.children[index] !== entry.row) list.insertBefore(entry.row, list.children[index] ?? null);
    }
    // One animation for everybody who moves up, however long the line.
    if (gone && !calm() && list.firstElementChild) {
      const step = list.firstElementChild.offsetHeight;
      list.animate({ transform: [`translateY(${step}px)`, "none"] }, { duration: 350, easing: "ease-out" });
    }
  }

  function render(state) {
    if (state.users !== users || state.me.id !== self) {
      users = state.users;
      self = state.me.id;
      renderRows(state);
    }
    const { waiting, spectators } = state;
    setText(counts, `${count(waiting, "waiting", "waiting")} · ${count(spectators, "watching", "watching")}`);
    const beyond = waiting - rows.size;
    setText(more, beyond > 0 ? `and ${count(beyond, "more", "more")} behind them` : "");
    root.classList.toggle("nobody", waiting === 0);
  }

  function tick(time) {
    for (const { user, note } of rows.values()) {
      if (user?.absent) setText(note, away(user, time));
    }
  }

  /** Where somebody's name stands on the page, for a name that goes from the line to the table. */
  function rectOf(id) {
    return rows.get(id)?.name.getBoundingClientRect() ?? null;
  }

  return { render, tick, rectOf };
}

export function secondsLeft(until, time) {
  return Math.max(0, Math.ceil((Date.parse(until) - time) / 1000));
}

export function away(user, time) {
  return `away, ${secondsLeft(user.absent, time)} s`;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
