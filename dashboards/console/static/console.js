// What a page does beyond its HTML: clocks that count, values and lists that follow the server, buttons that work once.
"use strict";
(() => {
  const body = document.body;
  const started = performance.now();
  const kept = Number(body.dataset.cached || 0), aged = kept ? Date.now() - kept : 0; // a page kept on the phone: all there is is its own clock
  const serverNow = () => Number(body.dataset.now) + aged + (performance.now() - started); // the phone's own clock may be wrong

  const pad = (n) => String(n).padStart(2, "0");
  const clockText = (seconds) => {
    const s = Math.abs(seconds), h = Math.floor(s / 3600), m = Math.floor((s % 3600) / 60);
    return (seconds < 0 ? "+" : "") + (h ? `${h}:${pad(m)}:${pad(s % 60)}` : `${m}:${pad(s % 60)}`);
  };
  const tick = () => {
    for (const b of document.querySelectorAll("[data-due]")) {
      const left = Math.ceil((Number(b.dataset.due) - serverNow()) / 1000);
      b.textContent = clockText(left);
      const box = b.parentElement;
      if (left < 0 && !box.classList.contains("breached")) {
        box.className = "clock breached";
        box.querySelector(".what").textContent = b.dataset.late;
      } else if (left >= 0 && serverNow() >= Number(b.dataset.warn)) box.className = "clock warning";
    }
  };
  tick();
  setInterval(tick, 1000);

  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button:not([type=button])");
    if (button) setTimeout(() => { button.disabled = true; }, 0);
  });
  addEventListener("pageshow", () => { for (const b of document.querySelectorAll("button[disabled]")) b.disabled = false; });

  const url = body.dataset.events;
  if (!url || !window.EventSource) return;
  const sign = document.getElementById("live");
  const say = (text, lost) => { sign.hidden = false; sign.textContent = text; sign.classList.toggle("lost", lost); };

  const busy = () => {
    const at = document.activeElement;
    return (at && /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName)) || document.querySelector("details[open]") || document.querySelector("button[disabled]");
  };
  let wanted = false, fetching = false;
  const refresh = async () => {
    wanted = true;
    if (fetching) return;
    fetching = true;
    while (wanted) {
      wanted = false;
      await new Promise((done) => setTimeout(done, 300)); // several changes of one commit are one look
      if (busy()) { setTimeout(refresh, 3000); break; }
      if (body.dataset.part === "reload") { location.replace(location.pathname + location.search); break; }
      if (!body.dataset.part) break;
      const place = document.getElementById(body.dataset.part);
      const from = new URL(location.href);
      from.searchParams.set("part", body.dataset.part);
      try {
        const answer = await fetch(from, { headers: { accept: "text/html" } });
        if (answer.ok && !answer.redirected) { place.innerHTML = await answer.text(); tick(); }
      } catch (error) { /* the event stream says that the connection is lost */ }
    }
    fetching = false;
  };

  const show = (sample) => {
    for (const place of document.querySelectorAll(`[data-point="${CSS.escape(sample.point)}"]`)) {
      const b = place.querySelector("b"), text = sample.text[place.dataset.lang];
      if (b.textContent !== text) {
        b.textContent = text;
        place.classList.add("fresh");
        setTimeout(() => place.classList.remove("fresh"), 700);
      }
      place.classList.toggle("bad", sample.quality !== "good");
      place.classList.remove("old");
      const note = place.querySelector("small");
      if (note) note.remove();
    }
    document.dispatchEvent(new CustomEvent("sample", { detail: sample }));
  };

  const source = new EventSource(url);
  source.onopen = () => { if (kept) location.reload(); else say(body.dataset.live, false); };
  const again = () => { if (busy()) setTimeout(again, 3000); else location.reload(); }; // no stream is free: the page itself comes anew
  source.onerror = () => {
    say(body.dataset.lost, true);
    if (source.readyState === EventSource.CLOSED) setTimeout(again, 30000);
  };
  const concerned = (event) => { // a page about one fault or order follows that one alone
    const about = (body.dataset.about || "").split(" ").filter(Boolean);
    if (!about.length || about.includes(JSON.parse(event.data).id)) refresh();
  };
  source.addEventListener("fault", concerned);
  source.addEventListener("order", concerned);
  source.addEventListener("reset", refresh);
  source.addEventListener("values", (event) => { for (const sample of JSON.parse(event.data).values) show(sample); });
  source.addEventListener("heartbeat", (event) => document.dispatchEvent(new CustomEvent("heartbeat", { detail: JSON.parse(event.data).now })));
  source.addEventListener("ended", () => { source.close(); say(body.dataset.ended, true); });
})();
