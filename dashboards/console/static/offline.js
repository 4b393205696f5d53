// The phone without reception: forms are kept until the server has them, and the page says what became of each; a kept page says how old it is.
"use strict";
(() => {
  if (!window.isSecureContext || !window.indexedDB || !navigator.locks || !self.plantroomQueue) return;
  const queue = self.plantroomQueue, body = document.body, panel = document.getElementById("queue");
  if (!panel) return;
  const words = JSON.parse(panel.dataset.words), lang = panel.dataset.lang, person = body.dataset.person;
  const stale = body.dataset.cached !== "", DEED = /^\/orders\/([^/]+)\/(accept|arrive|restore|hold|comment)$/;
  const zoned = new Intl.DateTimeFormat("en-GB", { timeZone: panel.dataset.zone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const clock = (at) => { const part = Object.fromEntries(zoned.formatToParts(new Date(at)).map((each) => [each.type, each.value])); return `${part.month}-${part.day} ${part.hour}:${part.minute}`; };
  const text = (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

  // -- time: the last contact with the server by both clocks of the phone, and every step back of its wall clock since
  const saved = (name) => { try { return JSON.parse(localStorage.getItem(`plantroom.${name}`)); } catch (error) { return null; } };
  const save = (name, value) => { try { localStorage.setItem(`plantroom.${name}`, JSON.stringify(value)); } catch (error) { /* full or forbidden: less is known */ } };
  const contact = (at, mono = performance.now()) => save("contact", { at, phone: performance.timeOrigin + mono + ahead(), origin: performance.timeOrigin, mono });
  const ahead = () => Date.now() - performance.timeOrigin - performance.now();
  let was = ahead();
  let setBack = Math.max(saved("set_back") || 0, ((saved("wall") || 0) - Date.now()) / 1000);
  const look = () => {
    const is = ahead();
    setBack = Math.max(setBack, (was - is) / 1000);
    was = is;
    save("wall", Date.now());
    save("set_back", setBack);
  };
  look();
  setInterval(look, 1000);
  const heard = (at) => queue.all().then((entries) => {
    look();
    if (!entries.some(queue.isOpen)) save("set_back", setBack = 0);
    contact(at);
  });
  if (!stale && person) heard(Number(body.dataset.now));
  const since = (origin, mono) => Math.max(0, (origin === performance.timeOrigin ? performance.now() - mono : 0) / 1000);
  const measure = (entry) => { look(); return { waited_s: since(entry.origin, entry.mono), set_back_s: Math.max(0, entry.set_back_s, setBack) }; };

  // -- what is kept, what became of it
  const line = (entry) => {
    const item = document.createElement("li"), b = document.createElement("b"), p = document.createElement("p"), button = document.createElement("button");
    item.className = `entry ${entry.state}`;
    b.textContent = `${words[`deed_${entry.does}`]} · ${entry.title}`;
    const at = clock(entry.phone.entered_at), received = entry.received_at ? clock(entry.received_at) : "";
    const calls = (entry.state === "waiting" || entry.state === "login") && (entry.does === "accept" || entry.does === "arrive");
    const state = entry.state === "done" && entry.counts === false ? "done_receipt" : entry.state;
    p.textContent = text(state, { at, received, why: entry.says ? entry.says[lang] : "" }) + (calls ? ` ${words.calls}` : "");
    button.type = "button";
    button.textContent = words[queue.isOpen(entry) ? "take_back" : "dismiss"];
    button.addEventListener("click", () => queue.remove(entry.n));
    item.append(b, p, ...(entry.state === "recorded" ? [] : [button]));
    return item;
  };
  const show = async () => {
    const entries = await queue.all(), mine = entries.filter((entry) => !person || entry.person === person);
    const others = entries.filter((entry) => person && entry.person !== person && queue.isOpen(entry));
    const list = panel.querySelector("ul");
    list.replaceChildren(...(person ? mine.map(line) : []));
    const waiting = person ? others : mine.filter(queue.isOpen);
    if (waiting.length) {
      const item = document.createElement("li");
      item.textContent = text(document.getElementById("kept") ? "of_waiting" : "of_others", { n: waiting.length, who: [...new Set(waiting.map((entry) => entry.person))].join(", ") });
      list.append(item);
    }
    panel.hidden = list.children.length === 0;
  };

  let sending = false;
  const drain = async (fresh) => {
    if (sending && !fresh) return null;
    sending = true;
    try {
      const who = await queue.drain(measure, fresh);
      if (who && who.now) heard(who.now);
      return who;
    } finally {
      sending = false;
    }
  };
  const later = () => navigator.serviceWorker && navigator.serviceWorker.ready.then((worker) => worker.sync && worker.sync.register("queue")).catch(() => null);

  const enter = async (form, found) => {
    look();
    const action = new URL(form.action), fields = Object.fromEntries(new FormData(form));
    const { command_id: id, back } = fields;
    for (const name of ["command_id", "back", "form_token"]) delete fields[name];
    for (const name of Object.keys(fields)) if (!fields[name].trim()) delete fields[name];
    const last = saved("contact") || { at: Number(body.dataset.now), phone: Number(body.dataset.cached || Date.now()), origin: 0, mono: 0 };
    const now = Date.now(), iso = (ms) => new Date(ms).toISOString();
    const entry = await queue.add({
      id, person, url: `/api/v1${action.pathname}${action.search}`, does: found[2], title: form.dataset.title || found[1], fields, set_back_s: setBack,
      origin: performance.timeOrigin, mono: performance.now(),
      phone: { contact_at: iso(last.at), contact_phone_at: iso(last.phone), entered_at: iso(now), age_s: last.origin === performance.timeOrigin ? since(last.origin, last.mono) : 0 },
    });
    if (!stale) await drain(entry.id);
    const after = await queue.find(entry.id);
    if (after && (after.state === "done" || after.state === "recorded" || (after.state === "refused" && after.received_at))) {
      await queue.remove(after.n); // the page itself says it
      const target = new URL(back || location.href, location.origin);
      target.searchParams.set("command", after.id);
      location.assign(target);
      return;
    }
    if (after && after.state === "login") { location.assign(`/login?back=${encodeURIComponent(location.pathname + location.search)}`); return; }
    form.classList.add("entered");
    await show();
    panel.scrollIntoView({ block: "nearest" });
    later();
    drain();
  };

  document.addEventListener("submit", (event) => {
    const form = event.target, path = new URL(form.action).pathname, found = path.match(DEED);
    if (found && person && !event.defaultPrevented) {
      event.preventDefault();
      enter(form, found).catch(() => form.submit()).finally(() => { for (const b of form.querySelectorAll("button")) b.disabled = false; });
    } else if (path === "/logout" && !form.dataset.sure) {
      event.preventDefault();
      queue.all().then(async (entries) => {
        const n = entries.filter((entry) => queue.isOpen(entry) && entry.person === person).length;
        form.dataset.sure = "1";
        if (n) {
          const note = document.getElementById("leaving");
          note.textContent = text("leaving", { n });
          note.className = "notice bad";
          note.hidden = false;
          for (const b of form.querySelectorAll("button")) setTimeout(() => { b.disabled = false; }, 0);
          return;
        }
        await forget();
        form.submit();
      });
    } else if (path === "/logout") forget();
  });
  const forget = async () => {
    if (navigator.serviceWorker && navigator.serviceWorker.controller) navigator.serviceWorker.controller.postMessage({ forget: true });
    for (const name of await caches.keys()) if (name.startsWith("pages:")) await caches.delete(name);
    await queue.clear((entry) => entry.person === person);
    for (const name of ["contact", "wall", "set_back"]) localStorage.removeItem(`plantroom.${name}`);
  };

  new BroadcastChannel("plantroom-queue").addEventListener("message", show);
  document.addEventListener("heartbeat", (event) => heard(event.detail));
  show();

  // -- a page kept, and the page for what is not
  if (stale) {
    for (const form of document.querySelectorAll("main form, .bar form")) {
      if (!new URL(form.action).pathname.match(DEED)) for (const b of form.querySelectorAll("button")) { b.disabled = true; b.title = words.needs_reception; }
    }
    const age = document.querySelector("#stale [data-since]");
    const tell = () => { age.textContent = text("age", { n: Math.max(0, Math.round((Date.now() - Number(body.dataset.cached)) / 60000)) }); };
    tell();
    setInterval(tell, 10000);
  }
  const list = document.getElementById("kept");
  if (list) (async () => {
    for (const name of await caches.keys()) {
      if (!name.startsWith("pages:")) continue;
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        const html = await (await cache.match(request)).text(), made = document.createElement("li"), a = document.createElement("a");
        a.href = request.url;
        a.textContent = new DOMParser().parseFromString(html, "text/html").title;
        made.append(a);
        list.append(made);
      }
    }
  })();

  // -- reception again
  const back = async () => {
    const who = await drain();
    if (who && (stale || list)) location.reload();
    else if (who && who.pages && navigator.serviceWorker) {
      const worker = await navigator.serviceWorker.ready; // the page by which somebody comes was there before the worker
      worker.active.postMessage({ keep: [location.pathname + location.search, ...who.pages].filter((path) => /^\/(faults|orders)\/[^/?]+/.test(path)) });
    }
  };
  addEventListener("online", back);
  setInterval(async () => { if (stale || list || (await queue.all()).some(queue.isOpen)) back(); }, 15000);
  if (!person && !list) { // nobody is logged in any more: what they entered stays, what they read does not
    if (navigator.serviceWorker && navigator.serviceWorker.controller) navigator.serviceWorker.controller.postMessage({ forget: true });
    else caches.keys().then((names) => { for (const name of names) if (name.startsWith("pages:")) caches.delete(name); });
  }
  if (navigator.serviceWorker && !stale && panel.dataset.worker) navigator.serviceWorker.register(panel.dataset.worker, { scope: "/" }).then(() => navigator.serviceWorker.ready).then(() => { if (person) back(); }).catch(() => null);
  else if (person) back();
})();
