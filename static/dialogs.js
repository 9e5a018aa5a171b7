// The two questions the page asks: your name, and whether you are sure.

const NAME_MOST = 32;

/** Ask for a name; resolves to { name } or { watch: true }, or null where that may be cancelled. */
export function askName({ name, problem = "", title = "Chalk up your name", go = "Join the line", first }) {
  const dialog = document.querySelector("#name-dialog");
  const input = dialog.querySelector("input");
  const trouble = dialog.querySelector("#name-problem");
  const watch = dialog.querySelector("#watch");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("[type=submit]").textContent = go;
  watch.textContent = first ? "Just watch" : "Cancel";
  input.value = name;
  complain(problem);

  function complain(text) {
    trouble.textContent = text;
    input.setAttribute("aria-invalid", String(Boolean(text)));
  }

  return new Promise((resolve) => {
    const listening = new AbortController();
    const { signal } = listening;
    function answer(value) {
      listening.abort();
      dialog.close();
      resolve(value);
    }
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = input.value.trim();
      const length = [...chosen.normalize("NFC")].length;
      if (!length) complain("Please write a name.");
      else if (length > NAME_MOST) complain(`At most ${NAME_MOST} characters; these are ${length}.`);
      else return answer({ name: chosen });
      input.focus();
    }, { signal });
    const refuse = () => answer(first ? { watch: true } : null);
    watch.addEventListener("click", refuse, { signal });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      refuse();
    }, { signal });
    dialog.showModal();
    input.select();
  });
}

/** Ask whether to go on; resolves to true or false. */
export function confirm({ title, text, yes }) {
  const dialog = document.querySelector("#confirm-dialog");
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("p").textContent = text;
  dialog.querySelector("[value=yes]").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
