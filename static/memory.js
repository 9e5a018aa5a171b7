// What outlives a reload: session and choice (play or watch) per tab and room, the name per tab and
// browser. Where storage is forbidden, it is forgotten.

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

const both = (tab, browser) => ({
	get: () => tab.get() || browser.get(),
	set: (value) => [tab, browser].forEach((one) => one.set(value)),
});

export const memoryOf = (room) => ({
	session: slot("sessionStorage", `session:${room}`),
	choice: slot("sessionStorage", `choice:${room}`),
	name: both(slot("sessionStorage", "name"), slot("localStorage", "name")),
	sound: slot("localStorage", "sound"),
});
