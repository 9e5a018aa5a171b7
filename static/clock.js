// The server's time: deadlines come in it, and a phone may be minutes off. The Date of an answer tells
// by how much, to a second; less is taken for none, for a clock that is kept right beats the guess.

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
