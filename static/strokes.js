// The pen, or the chalk: marks, board lines, tallies and strikes as SVG paths that can be drawn
// stroke by stroke. It knows shapes, and nothing of the game.

const SVG = "http://www.w3.org/2000/svg";

const MARKS = {
  X: ["M20 17C37 37 61 62 81 84", "M81 18C65 35 38 61 18 83"],
  O: ["M57 15C33 10 14 29 15 53C16 76 36 89 57 85C78 81 89 61 85 42C81 24 63 12 45 17"],
};

const RULES = [
  "M101 8C98 84 103 196 99 293",
  "M200 6C204 95 197 210 202 294",
  "M7 101C92 97 205 104 294 99",
  "M6 200C100 204 214 196 293 202",
];

function drawn(svg, paths) {
  svg.replaceChildren(
    ...paths.map((d, index) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      path.setAttribute("pathLength", "1");
      path.style.setProperty("--stroke", index);
      return path;
    }),
  );
  return svg;
}

function sheet(width, height) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

export function drawMark(svg, marker) {
  svg.dataset.mark = marker;
  return drawn(svg, MARKS[marker]);
}

export function markSheet(marker) {
  return drawMark(sheet(100, 100), marker);
}

export function drawRules(svg) {
  drawn(svg, RULES);
}

/** Strike through the winning line, from the middle of its first cell to that of its last, and on. */
export function drawStrike(svg, line) {
  if (!line) return svg.replaceChildren();
  const middle = (cell) => [50 + 100 * (cell % 3), 50 + 100 * Math.floor(cell / 3)];
  const [x1, y1] = middle(line[0]);
  const [x2, y2] = middle(line[2]);
  const along = (from, to) => to + Math.sign(to - from) * 36;
  const bend = `${(x1 + x2) / 2 + 5} ${(y1 + y2) / 2 - 6}`;
  drawn(svg, [`M${along(x2, x1)} ${along(y2, y1)}Q${bend} ${along(x1, x2)} ${along(y1, y2)}`]);
}

const TALLY_MOST = 25;

/** A streak as tally marks in fives; beyond what fits, the number alone. */
export function tally(n) {
  if (n > TALLY_MOST) return document.createTextNode(`× ${n}`);
  const paths = [];
  for (let mark = 0; mark < n; mark++) {
    const group = Math.floor(mark / 5) * 34;
    const x = group + 5 + (mark % 5) * 6;
    const lean = (mark * 7) % 3;
    paths.push(mark % 5 === 4 ? `M${group + 1} 19L${group + 28} ${6 + lean}` : `M${x + lean - 1} 3L${x} 23`);
  }
  return drawn(sheet(Math.ceil(n / 5) * 34, 26), paths);
}
