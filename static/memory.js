// What outlives a reload: session and choice (play or watch) per tab and room, name and sound per
// browser. Where storage is forbidden it is forgotten, and nothing breaks.

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
      } catch {} // it will be asked again
    },
  };
}

export function memoryOf(room) {
  return {
    session: slot("sessionStorage", `session:${room}`),
    choice: slot("sessionStorage", `choice:${room}`),
    name: slot("localStorage", "name"),
    sound: slot("localStorage", "sound"),
  };
}
