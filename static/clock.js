// The server's time, in which deadlines come: a phone may be minutes off. The Date of an answer tells
// by how much, to a second; less counts as none.

const TRUSTED_MS = 1500;
let offset = 0;

export function now() {
	return Date.now() + offset;
}

export async function setClock() {
	const asked = Date.now();
	const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
	const difference = Date.parse(answer?.headers.get("Date")) + 500 - (asked + Date.now()) / 2;
	if (Math.abs(difference) > TRUSTED_MS) offset = difference;
}
