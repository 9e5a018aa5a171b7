// The two dialogs with a question: your name, and whether you want to concede.

const NAME_MOST = 32;

/** Ask for a name; resolves to "" if the dialog is closed without one. */
export function askName({ name, title, yes, no }) {
	const dialog = document.querySelector("#name-dialog");
	const [heading, input, problem, go, back] = ["h2", "input", "#name-problem", ".main", "#watch"].map((part) => dialog.querySelector(part));
	heading.textContent = title;
	go.textContent = yes;
	back.textContent = no;
	input.value = name;
	complain("");
	dialog.showModal();
	input.select();

	function complain(text) {
		problem.textContent = text;
		input.ariaInvalid = Boolean(text);
	}

	return new Promise((resolve) => {
		back.onclick = () => dialog.close();
		dialog.onclose = () => resolve("");
		dialog.firstElementChild.onsubmit = (event) => {
			event.preventDefault();
			const chosen = input.value.trim();
			const length = [...chosen].length;
			if (!length) complain("Enter a name.");
			else if (length > NAME_MOST) complain(`Too long by ${length - NAME_MOST}.`);
			else {
				resolve(chosen);
				dialog.close();
			}
		};
	});
}

/** Ask whether to concede; resolves to true or false. */
export function confirmConcede() {
	const dialog = document.querySelector("#confirm-dialog");
	dialog.returnValue = "";
	dialog.showModal();
	return new Promise((resolve) => (dialog.onclose = () => resolve(dialog.returnValue === "yes")));
}
