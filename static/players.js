// Who plays: names, marks, streaks, whose turn it is, and the clock that runs down.

import { absentPlayer, isMyTurn, seats } from "./state.js";
import { away, secondsLeft, setText } from "./line.js";
import { drawMark, tally } from "./strokes.js";
import { turnWords } from "./words.js";

const HURRY_SECONDS = 5;

export function playersView(root, { now, calm, rectOf }) {
  const plates = new Map();
  for (const plate of root.querySelectorAll(".player")) {
    drawMark(plate.querySelector(".mark"), plate.dataset.marker);
    plates.set(plate.dataset.marker, {
      plate,
      name: plate.querySelector(".name"),
      note: plate.querySelector(".note"),
      streak: plate.querySelector(".streak"),
      seat: null,
      streakShown: -1,
    });
  }
  const turn = root.querySelector("#turn");
  const clock = root.querySelector("#clock");
  const fuse = root.querySelector("#fuse > div");
  let deadline = null;
  let longest = 1;
  let first = true;

  function renderSeat(entry, seat, state) {
    const before = entry.seat?.id;
    const came = seat && seat.id !== before;
    const from = came && !first && !calm() ? rectOf(seat.id) : null;
    entry.seat = seat;
    entry.plate.classList.toggle("empty", !seat);
    entry.plate.classList.toggle("mine", seat?.id === state.me.id);
    entry.plate.classList.toggle("absent", Boolean(seat?.absent));
    setText(entry.name, seat?.name ?? "nobody yet");
    setText(entry.note, seat?.absent ? away(seat, now()) : "");
    renderStreak(entry, seat?.streak ?? 0);
    if (came) arrive(entry, from);
  }

  function renderStreak(entry, n) {
    if (entry.streakShown === n) return;
    entry.streakShown = n;
    const words = document.createElement("span");
    words.className = "unseen";
    words.textContent = n ? `${n} in a row` : "";
    entry.streak.replaceChildren(words, ...(n ? [tally(n)] : []));
  }

  // A name that was in line goes to the table; any other is chalked up where it stands.
  function arrive({ name }, from) {
    if (first || calm()) return;
    if (!from) {
      name.animate({ clipPath: ["inset(0 100% 0 0)", "inset(0 -10% 0 0)"] }, { duration: 500, easing: "ease-out" });
      return;
    }
    const to = name.getBoundingClientRect();
    const offset = `translate(${from.left - to.left}px, ${from.top - to.top}px)`;
    name.animate({ transform: [offset, "none"] }, { duration: 600, easing: "cubic-bezier(.2,.7,.2,1)" });
  }

  function renderClock(state) {
    const next = absentPlayer(state) ? null : (state.game?.deadline ?? null);
    if (next === deadline) return;
    deadline = next;
    fuse.getAnimations().forEach((animation) => animation.cancel());
    fuse.parentElement.classList.toggle("running", Boolean(next));
    if (!next) return setText(clock, "");
    const left = Math.max(0, Date.parse(next) - now());
    longest = Math.max(longest, left); // how long a move may take, as far as was seen
    const frames = { transform: [`scaleX(${left / longest})`, "scaleX(0)"] };
    fuse.animate(frames, { duration: left, fill: "forwards" });
    tick(now());
  }

  function render(state) {
    const seated = seats(state);
    for (const [marker, entry] of plates) {
      renderSeat(entry, seated[marker], state);
      entry.plate.classList.toggle("on", state.game?.turn === marker);
    }
    setText(turn.firstElementChild, turnWords(state));
    turn.dataset.turn = state.game?.turn ?? "";
    turn.classList.toggle("mine", isMyTurn(state));
    renderClock(state);
    if (state.link.status === "live") first = false;
  }

  function tick(time) {
    for (const { seat, note } of plates.values()) {
      if (seat?.absent) setText(note, away(seat, time));
    }
    if (!deadline) return;
    const seconds = secondsLeft(deadline, time);
    setText(clock, `${seconds} s`);
    turn.classList.toggle("hurry", seconds <= HURRY_SECONDS);
  }

  return { render, tick };
}
