// What outlives a reload: session and choice (play or watch) per tab and room, name and sound per
// browser. Where storage is forbidden it is forgotten, and nothing breaks.

function attempt(use) {
	try {
		return use() ?? "";
	} catch {
		return "";
	}
}

const slot = (area, key) => ({
	get: () => attempt(() => globalThis[area].getItem(key)),
	set: (value) => attempt(() => globalThis[area].setItem(key, value)),
});

export const memoryOf = (room) => ({
	session: slot("sessionStorage", `session:${room}`),
	choice: slot("sessionStorage", `choice:${room}`),
	name: slot("localStorage", "name"),
	sound: slot("localStorage", "sound"),
});
