// Calls somebody back who looks elsewhere: the title, a knock if sound is on, a buzz on a phone.

const FLASH_MS = 1000;

export function attention({ soundButton, memory }) {
  let audio = null;
  let call = "";
  let flashing = 0;

  function setSound(on) {
    memory.sound.set(on ? "on" : "");
    soundButton.setAttribute("aria-pressed", String(on));
    if (on) knock();
  }

  // Browsers make no sound before the first touch of a page, and complain when asked to.
  function knock() {
    if (!memory.sound.get() || !navigator.userActivation?.hasBeenActive) return;
    audio ??= new AudioContext();
    for (const [delay, pitch] of [[0, 330], [0.14, 440]]) {
      const tone = audio.createOscillator();
      const gain = audio.createGain();
      const at = audio.currentTime + delay;
      tone.type = "triangle";
      tone.frequency.value = pitch;
      gain.gain.setValueAtTime(0.25, at);
      gain.gain.exponentialRampToValueAtTime(0.001, at + 0.18);
      tone.connect(gain).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.2);
    }
  }

  function buzz(pattern) {
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(pattern);
  }

  function retitle() {
    const flash = call && document.hidden;
    if (flash && !flashing) flashing = setInterval(() => show(document.title === call), FLASH_MS);
    if (!flash) {
      clearInterval(flashing);
      flashing = 0;
    }
    show(!call);
  }

  function show(plain) {
    document.title = plain ? "Winner Stays" : call;
  }

  soundButton.setAttribute("aria-pressed", String(Boolean(memory.sound.get())));
  soundButton.addEventListener("click", () => setSound(!memory.sound.get()));
  document.addEventListener("visibilitychange", retitle);

  return {
    /** Say in the title what is wanted of whoever sits here; "" for nothing. */
    want(text) {
      if (text === call) return;
      call = text;
      retitle();
    },
    seated() {
      knock();
      buzz([80, 60, 80]);
    },
    yourTurn() {
      if (document.hidden) knock();
      buzz(40);
    },
  };
}
