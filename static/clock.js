// The server's time, as far as this device can know it: deadlines come as the server's wall time,
// and a phone may be minutes off. The Date of an answer tells by how much, to a second; less than
// that is taken for none, since a clock that is kept right beats the guess.

const TRUSTED_MS = 1500;
let offset = 0;

export function now() {
  return Date.now() + offset;
}

export async function setClock() {
  const asked = Date.now();
  const answer = await fetch("/healthz", { cache: "no-store" }).catch(() => null);
  const date = Date.parse(answer?.headers.get("Date")) + 500;
  const difference = date - (asked + Date.now()) / 2;
  if (Math.abs(difference) > TRUSTED_MS) offset = difference;
}
