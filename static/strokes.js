// Shapes as SVG paths, which the stylesheet draws stroke by stroke.

/** @import { Mark } from "./types" */

const SVG = "http://www.w3.org/2000/svg";
const TALLY_MOST = 25;

const MARKS = {
	X: ["M20 17C37 37 61 62 81 84", "M81 18C65 35 38 61 18 83"],
	O: ["M57 15C33 10 14 29 15 53C16 76 36 89 57 85C78 81 89 61 85 42C81 24 63 12 45 17"],
};

/**
 * Replace the contents of an SVG by these paths.
 * @param {SVGElement} svg
 * @param {string[]} strokes
 */
export function draw(svg, strokes) {
	const paths = strokes.map((d, index) => {
		const path = document.createElementNS(SVG, "path");
		path.setAttribute("d", d);
		path.setAttribute("pathLength", "1");
		path.style.setProperty("--stroke", String(index));
		return path;
	});
	svg.replaceChildren(...paths);
}

/**
 * @param {number} width
 * @param {number} height
 * @param {string[]} strokes
 */
function sheet(width, height, strokes) {
	const svg = document.createElementNS(SVG, "svg");
	svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
	svg.setAttribute("aria-hidden", "true");
	draw(svg, strokes);
	return svg;
}

/** @param {Mark} marker */
export function mark(marker) {
	const svg = sheet(100, 100, MARKS[marker]);
	svg.dataset.mark = marker;
	return svg;
}

/**
 * Draw a streak as tally marks in fives, or as a number when they would not fit.
 * @param {number} n
 */
export function tally(n) {
	if (n > TALLY_MOST) return document.createTextNode(`× ${n}`);
	const strokes = Array.from({ length: n }, (_, index) => {
		const left = Math.floor(index / 5) * 36;
		const x = left + 5 + (index % 5) * 7;
		return index % 5 === 4 ? `M${left} 20L${left + 30} 7` : `M${x + ((index * 7) % 3) - 1} 3L${x} 24`;
	});
	return sheet(Math.ceil(n / 5) * 36, 27, strokes);
}
