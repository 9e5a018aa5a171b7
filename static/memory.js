// What outlives a reload: the session and the choice to watch, per tab and room; the name and the
// sound, per browser. Storage may be forbidden: then it is forgotten, and nothing breaks.

function slot(area, key) {
  return {
    get() {
      try {
        return globalThis[area].getItem(key) ?? "";
      } catch {
        return "";
      }
    },
    set(value) {
      try {
        globalThis[area].setItem(key, value);
      } catch {
        // It will not be remembered.
      }
    },
  };
}

export function memoryOf(room) {
  return {
    session: slot("sessionStorage", `session:${room}`),
    choice: slot("sessionStorage", `choice:${room}`), // "play", "watch", or "" before the first
    name: slot("localStorage", "name"),
    sound: slot("localStorage", "sound"),
  };
}
