// The address to share, as the server knows it, because a phone cannot open localhost.

/** @import { View } from "./types" */

import { part } from "./dom.js";

/**
 * Show the address only while there is no game.
 * @param {HTMLElement} root
 * @returns {View}
 */
export function inviteView(root) {
	return function render({ game, result }) {
		root.hidden = Boolean(game || result);
	};
}

/**
 * Fill each place with the QR code, the address and the ways to send it.
 * @param {HTMLElement[]} places
 * @param {string} room
 */
export async function fillShare(places, room) {
	const code = `/static/qr/${room}.svg`;
	const address = await addressIn(code);
	for (const place of places) {
		const template = /** @type {HTMLTemplateElement} */ (part(document, "#share-template"));
		place.append(template.content.cloneNode(true));
		const image = /** @type {HTMLImageElement} */ (part(place, "img"));
		const [text, copyButton, sendButton] = [part(place, ".address"), part(place, ".copy"), part(place, ".send")];
		image.src = code;
		text.textContent = address.replace(/\/$/, "");
		copyButton.addEventListener("click", async () => {
			copyButton.textContent = (await copy(address)) ? "Link copied" : "Select the address to copy it";
		});
		sendButton.hidden = !navigator.share;
		sendButton.addEventListener("click", () =>
			navigator.share({ title: document.title, url: address }).catch(() => {}),
		);
	}
}

/** @param {string} code */
async function addressIn(code) {
	const answer = await fetch(code).catch(() => null);
	const svg = new DOMParser().parseFromString((await answer?.text()) ?? "", "text/xml");
	return svg.querySelector("title")?.textContent || location.origin + location.pathname;
}

/**
 * Copy a text. Over plain http on a LAN address, browsers offer only the old clipboard API.
 * @param {string} text
 */
async function copy(text) {
	if (navigator.clipboard) {
		return navigator.clipboard.writeText(text).then(
			() => true,
			() => false,
		);
	}
	const field = document.createElement("textarea");
	field.value = text;
	field.className = "unseen";
	(document.querySelector("dialog[open]") ?? document.body).append(field);
	field.select();
	const copied = document.execCommand("copy");
	field.remove();
	return copied;
}
