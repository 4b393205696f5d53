// The duty room's screen: says that it is there and what it shows, follows the server, and sounds until somebody says that they hear it.
"use strict";
(() => {
  const SAY_MS = 5000, LOST_MS = 12000, LOOK_MS = 100;
  // [frequency Hz, begins s, lasts s] of one turn, and when the next one begins.
  const SOUNDS = {
    danger: { every: 1.6, notes: [[988, 0, 0.22], [740, 0.26, 0.22], [988, 0.52, 0.22], [740, 0.78, 0.22]] },
    readiness: { every: 4, notes: [[784, 0, 0.35], [587, 0.45, 0.45]] },
    normal: { every: 30, notes: [[659, 0, 0.3]] },
    advisory: { every: 60, notes: [[523, 0, 0.3]] },
    lost: { every: 10, notes: [[262, 0, 0.6], [220, 0.7, 0.8]] },
  };
  const body = document.body, board = document.getElementById("board"), form = document.getElementById("form");
  const mute = document.getElementById("mute"), start = document.getElementById("start"), lost = document.getElementById("lost");
  let audio = null, heardFromServer = performance.now(), nextTurn = 0, sounding = "", saying = false, again = false;
  let shown = [], last = "";

  const running = () => Boolean(audio) && audio.state === "running";
  const calls = () => board.querySelector(".calls");

  start.hidden = false;
  start.addEventListener("click", async () => {
    audio = audio || new AudioContext();
    await audio.resume();
    look();
    say();
    if (document.documentElement.requestFullscreen) document.documentElement.requestFullscreen().catch(() => {});
  });

  const turn = (sound) => {
    for (const [frequency, begins, lasts] of sound.notes) {
      const at = audio.currentTime + begins, voice = audio.createOscillator(), level = audio.createGain();
      voice.type = "square";
      voice.frequency.value = frequency;
      level.gain.setValueAtTime(0, at);
      level.gain.linearRampToValueAtTime(0.5, at + 0.02);
      level.gain.setValueAtTime(0.5, at + lasts - 0.04);
      level.gain.linearRampToValueAtTime(0, at + lasts);
      voice.connect(level).connect(audio.destination);
      voice.start(at);
      voice.stop(at + lasts);
    }
  };

  const look = () => {
    const cut = performance.now() - heardFromServer > LOST_MS, on = running();
    lost.hidden = !cut;
    mute.hidden = on;
    document.getElementById("sound").hidden = !on;
    const wanted = calls().dataset.loud || (cut ? "lost" : "");
    if (wanted !== sounding) nextTurn = 0; // a graver one does not wait for the turn of the last
    sounding = wanted;
    if (wanted && on && audio.currentTime >= nextTurn) {
      turn(SOUNDS[wanted]);
      nextTurn = audio.currentTime + SOUNDS[wanted].every;
    }
    body.dataset.sounds = on ? wanted : "";
  };

  const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));

  // Says what stands here and takes what there is to show, until both agree.
  const say = async () => {
    if (document.visibilityState !== "visible") return; // nobody can see it: then it is not here
    again = true;
    if (saying) return;
    saying = true;
    while (again) {
      again = false;
      try {
        const told = new URLSearchParams({ sound: running() ? "1" : "0", shown: shown.join(" ") });
        const answer = await fetch("/duty-room/board", { method: "POST", body: told, redirect: "error" });
        if (!answer.ok) break;
        const html = await answer.text();
        heardFromServer = performance.now();
        const still = html.replace(/(data-due="[^"]*"[^>]*>)[^<]*/g, "$1"); // a clock that counts is no news, least of all read aloud
        if (still !== last) {
          last = still;
          const held = document.activeElement && board.contains(document.activeElement) ? document.activeElement.closest("[id]").id : "";
          board.innerHTML = html;
          if (held && document.getElementById(held)) document.getElementById(held).querySelector("button, a")?.focus();
          look();
        }
        await painted();
        const stands = (calls().dataset.pages || "").split(" ").filter(Boolean);
        if (stands.some((id) => !shown.includes(id))) again = true;
        shown = stands;
      } catch (error) { break; /* the screen says by itself that nothing comes */ }
    }
    saying = false;
  };

  const put = async (address, options) => {
    try {
      const answer = await fetch(address, options);
      if (!answer.redirected || new URL(answer.url).pathname === "/duty-room") return await answer.text();
    } catch (error) { /* as above */ }
    return null;
  };
  const formOf = (html) => new DOMParser().parseFromString(html, "text/html").getElementById("form")?.innerHTML ?? html;

  // The page stays: a new one would be mute until somebody presses again.
  document.addEventListener("submit", async (event) => {
    const sent = event.target;
    event.preventDefault();
    const html = await put(sent.action, { method: "POST", body: new URLSearchParams(new FormData(sent)) });
    for (const b of sent.querySelectorAll("button")) b.disabled = false;
    if (html === null) { lost.hidden = false; return; }
    if (sent.classList.contains("radio")) { form.innerHTML = formOf(html); form.querySelector("select, input:not([type=hidden])")?.focus(); }
    say();
  });
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a.radio, a.cancel");
    if (!link) return;
    event.preventDefault();
    if (link.classList.contains("cancel")) { form.innerHTML = ""; return; }
    const address = new URL(link.href);
    address.searchParams.set("part", "form");
    const html = await put(address, {});
    if (html !== null) { form.innerHTML = html; form.querySelector("select")?.focus(); }
  });

  if (window.EventSource) {
    const source = new EventSource("/duty-room/events");
    for (const name of ["fault", "order", "reset"]) source.addEventListener(name, () => setTimeout(say, 100));
    source.onopen = say;
  }
  document.addEventListener("visibilitychange", say);
  setInterval(say, SAY_MS);
  setInterval(look, LOOK_MS);
  look();
  say();
})();
