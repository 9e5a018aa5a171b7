// The server's time, as far as this device can know it. Deadlines come as the server's wall time,
// and a phone's clock may be minutes off. The Date of an HTTP answer tells by how much, to a second;
// less than that is taken for none, since a clock that is kept right is better than the guess.

const TRUSTED_MS = 1500;
let offset = 0;

export function now() {
  return Date.now() + offset;
}

export async function setClock() {
  try {
    const asked = Date.now();
    const { headers } = await fetch("/healthz", { cache: "no-store" });
    const middle = (asked + Date.now()) / 2;
    const difference = Date.parse(headers.get("Date")) + 500 - middle;
    offset = Math.abs(difference) > TRUSTED_MS ? difference : 0;
  } catch {
    // Without an answer there is no game to time either.
  }
}
