// The board: draws marks stroke by stroke, strikes the winning line through, and takes moves from
// pointer and arrow keys. It decides nothing: which cells are open is asked of the state.

import { canMove, markerIn, shownBoard } from "./state.js";
import { drawRules, drawStrike, markSheet } from "./strokes.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export function boardView(root, { onMove }) {
  const cells = [...root.querySelectorAll(".cell")];
  const strike = root.querySelector("#strike");
  let drawnBoard = {};
  let signature = "";

  drawRules(root.querySelector("#rules"));
  for (const [index, cell] of cells.entries()) {
    cell.addEventListener("click", ({ detail }) => {
      // The second click of a double one belongs to the move before, not to the next game.
      if (detail < 2) onMove(index);
    });
    cell.addEventListener("focus", () => rove(index));
  }
  root.addEventListener("keydown", (event) => {
    const from = cells.indexOf(document.activeElement);
    const to = from < 0 || event.ctrlKey || event.altKey || event.metaKey ? -1 : target(from, event.key);
    if (to < 0) return;
    event.preventDefault();
    cells[to].focus();
  });

  function rove(index) {
    for (const [other, cell] of cells.entries()) cell.tabIndex = other === index ? 0 : -1;
  }

  function label(index, board, last) {
    const mark = board[index] === "." ? "empty" : board[index];
    const place = `Row ${Math.floor(index / 3) + 1}, column ${(index % 3) + 1}`;
    return `${place}: ${mark}${index === last ? ", last move" : ""}`;
  }

  return function render(state) {
    const shown = shownBoard(state);
    root.hidden = !shown;
    if (!shown) {
      drawnBoard = {};
      signature = "";
      return;
    }
    const open = canMove(state);
    const mine = open ? markerIn(state.game, state.me.id) : "";
    const now = `${shown.number}${shown.board}${shown.last}${shown.pending}${shown.line}${mine}${!state.result}`;
    if (now === signature) return;
    signature = now;

    // Marks that were there when the page first saw the game are not drawn anew.
    const fresh = drawnBoard.number === shown.number;
    root.dataset.mine = mine;
    root.dataset.over = shown.line ? "won" : state.result ? "over" : "";
    for (const [index, cell] of cells.entries()) {
      const mark = shown.board[index];
      const preview = mark === "." ? mine : "";
      if (cell.dataset.mark !== mark || cell.dataset.preview !== preview) {
        cell.replaceChildren(...(mark !== "." ? [markSheet(mark)] : preview ? [markSheet(preview)] : []));
        cell.classList.toggle("drawing", mark !== "." && fresh && drawnBoard.board[index] === ".");
      }
      cell.dataset.mark = mark;
      cell.dataset.preview = preview;
      cell.classList.toggle("pending", index === shown.pending);
      cell.classList.toggle("last", index === shown.last);
      cell.setAttribute("aria-label", label(index, shown.board, shown.last));
      // While a result is shown, the next game's board is empty beneath it.
      const free = state.result ? open : open && mark === ".";
      cell.setAttribute("aria-disabled", String(!free));
    }
    if (String(drawnBoard.line ?? "") !== String(shown.line ?? "")) drawStrike(strike, shown.line);
    drawnBoard = shown;
  };
}

function target(from, key) {
  if (key in STEPS) {
    const row = Math.floor(from / 3) + STEPS[key][0];
    const column = (from % 3) + STEPS[key][1];
    return row < 0 || row > 2 || column < 0 || column > 2 ? from : 3 * row + column;
  }
  if (key === "Home") return from - (from % 3);
  if (key === "End") return from - (from % 3) + 2;
  return -1;
}
