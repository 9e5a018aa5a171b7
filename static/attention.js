// Calls back whoever looks elsewhere: the title, a knock if sound is on, a buzz on a phone.

const FLASH_MS = 1000;

export function attention(button, memory) {
	let audio;
	let title = "";
	let isUrgent = false;
	let flashing;

	// Browsers allow neither sound nor buzz before the first touch of a page, and complain when asked.
	const isTouched = () => navigator.userActivation?.hasBeenActive;

	function knock() {
		if (!memory.sound.get() || !isTouched()) return;
		audio ??= new AudioContext();
		const [tone, fade, at] = [audio.createOscillator(), audio.createGain(), audio.currentTime];
		tone.frequency.setValueAtTime(330, at);
		tone.frequency.setValueAtTime(440, at + 0.14);
		fade.gain.setValueAtTime(0.3, at);
		fade.gain.exponentialRampToValueAtTime(0.001, at + 0.4);
		tone.connect(fade).connect(audio.destination);
		tone.start(at);
		tone.stop(at + 0.4);
	}

	function retitle() {
		clearInterval(flashing);
		document.title = title ? `${title} · Winner Stays` : "Winner Stays";
		if (!isUrgent || !document.hidden) return;
		const calls = [document.title, `● ${title}`];
		flashing = setInterval(() => (document.title = calls.reverse()[0]), FLASH_MS);
	}

	function showSound() {
		button.ariaPressed = Boolean(memory.sound.get());
	}

	showSound();
	document.addEventListener("visibilitychange", retitle);
	button.addEventListener("click", () => {
		memory.sound.set(memory.sound.get() ? "" : "on");
		showSound();
		knock();
	});

	return {
		entitle(text, urgent) {
			if (text === title && urgent === isUrgent) return;
			[title, isUrgent] = [text, urgent];
			retitle();
		},
		call() {
			knock();
			if (isTouched()) navigator.vibrate?.([80, 60, 80]);
		},
	};
}
