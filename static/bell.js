// Calls a player who looks elsewhere: by the title, by a knock if sound is on, by a buzz on a phone.

/** @import { Memory, State } from "./types" */

import { callUp } from "./attention.js";

const FLASH_MS = 1000;

/**
 * @param {HTMLElement} button turns the sound on and off
 * @param {Memory} memory
 */
export function bellOf(button, memory) {
	/** @type {AudioContext | undefined} */
	let audio;
	let title = "";
	let isUrgent = false;
	let isCalled = false;
	let flashing = 0;

	// Browsers allow neither sound nor vibration before the first touch of a page, and log a warning.
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
		button.ariaPressed = String(Boolean(memory.sound.get()));
	}

	showSound();
	document.addEventListener("visibilitychange", retitle);
	button.addEventListener("click", () => {
		memory.sound.set(memory.sound.get() ? "" : "on");
		showSound();
		knock();
	});

	/**
	 * Call the player if the change from one state to the next asks for it.
	 * @param {State} before
	 * @param {State} after
	 */
	return function follow(before, after) {
		const call = callUp(before, after, { isHidden: document.hidden, isCalled });
		isCalled = call.isCalled;
		if (call.rings) {
			knock();
			if (isTouched()) navigator.vibrate?.([80, 60, 80]);
		}
		if (call.title === title && call.isUrgent === isUrgent) return;
		[title, isUrgent] = [call.title, call.isUrgent];
		retitle();
	};
}
