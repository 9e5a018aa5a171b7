// The address to share, as the server knows it (a phone cannot open localhost), and the ways to
// hand it on: a QR code, the clipboard, the system's own share sheet.

export async function fillShare(places, room, onCopied) {
  const code = `/static/qr/${room}.svg`;
  const address = await addressIn(code);
  for (const place of places) {
    const share = document.querySelector("#share-template").content.cloneNode(true);
    share.querySelector(".qr").src = code;
    share.querySelector(".address").textContent = address;
    share.querySelector(".copy").addEventListener("click", async () => onCopied(await copy(address)));
    const send = share.querySelector(".send");
    send.hidden = !navigator.share;
    send.addEventListener("click", () => {
      // Closing the share sheet is no mistake.
      navigator.share({ title: "Winner Stays", url: address }).catch(() => {});
    });
    place.replaceChildren(share);
  }
  return address;
}

async function addressIn(code) {
  try {
    const svg = await (await fetch(code)).text();
    const title = new DOMParser().parseFromString(svg, "image/svg+xml").querySelector("title");
    return title?.textContent || location.origin + location.pathname;
  } catch {
    return location.origin + location.pathname;
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyFromField(text);
  }
}

// Plain http on a LAN address has no clipboard of its own.
function copyFromField(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}
