// The address to share, as the server knows it, because a phone cannot open localhost.

export async function fillShare(places, room) {
	const code = `/static/qr/${room}.svg`;
	const address = await addressIn(code);
	for (const place of places) {
		place.append(document.querySelector("#share-template").content.cloneNode(true));
		const [image, text, copyButton, sendButton] = ["img", ".address", ".copy", ".send"].map((part) => place.querySelector(part));
		image.src = code;
		text.textContent = address.replace(/\/$/, "");
		copyButton.addEventListener("click", async () => (copyButton.textContent = (await copy(address)) ? "Link copied" : "Select the address to copy it"));
		sendButton.hidden = !navigator.share;
		sendButton.addEventListener("click", () => navigator.share({ title: document.title, url: address }).catch(() => {}));
	}
}

async function addressIn(code) {
	const answer = await fetch(code).catch(() => null);
	const svg = new DOMParser().parseFromString((await answer?.text()) ?? "", "text/xml");
	return svg.querySelector("title")?.textContent || location.origin + location.pathname;
}

// Over plain http on a LAN address, browsers offer only the old clipboard API.
async function copy(text) {
	if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
	const field = document.createElement("textarea");
	field.value = text;
	field.className = "unseen";
	(document.querySelector("dialog[open]") ?? document.body).append(field);
	field.select();
	const copied = document.execCommand("copy");
	field.remove();
	return copied;
}
