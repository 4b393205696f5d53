// Forms entered without reception: kept on the phone until the server has them, sent once. Shared by the pages and the worker.
// An entry's id is the id of its command, so that what is sent twice is one command; one sender at a time holds the lock.
"use strict";
self.plantroomQueue = (() => {
  const KEPT_MS = 24 * 3600 * 1000; // what was answered is shown so long
  const ANSWER_MS = 10000;
  const ENDS = { 200: "done", 409: "refused", 400: "refused", 403: "refused", 404: "refused", 413: "refused" };

  const open = () => new Promise((resolve, reject) => {
    const asked = indexedDB.open("plantroom", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("entries", { keyPath: "n", autoIncrement: true }).createIndex("id", "id", { unique: true });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  const within = async (mode, work) => {
    const db = await open();
    try {
      return await new Promise((resolve, reject) => {
        const transaction = db.transaction("entries", mode, { durability: "strict" });
        const asked = work(transaction.objectStore("entries"));
        transaction.oncomplete = () => resolve(asked && asked.result);
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      });
    } finally {
      db.close();
    }
  };
  const told = (change) => { const channel = new BroadcastChannel("plantroom-queue"); channel.postMessage(change); channel.close(); };

  const all = () => within("readonly", (store) => store.getAll());
  const find = (id) => within("readonly", (store) => store.index("id").get(id));
  const put = async (entry) => { await within("readwrite", (store) => store.put(entry)); told("entries"); };
  const remove = async (n) => { await within("readwrite", (store) => store.delete(n)); told("entries"); };
  const clear = async (which) => { for (const entry of await all()) if (which(entry)) await remove(entry.n); };
  const isOpen = (entry) => entry.state === "waiting" || entry.state === "login" || entry.state === "recorded";

  // A new entry; durable when this returns. Another text under a used id is another deed: it gets an id of its own.
  const add = async (entry) => {
    const before = await find(entry.id);
    if (before && JSON.stringify(before.fields) === JSON.stringify(entry.fields)) return before;
    const made = { ...entry, id: before ? crypto.randomUUID() : entry.id, state: "waiting" };
    await put(made);
    return find(made.id);
  };

  const ask = async (url, options) => {
    try {
      return await fetch(url, { credentials: "same-origin", cache: "no-store", redirect: "error", signal: AbortSignal.timeout(ANSWER_MS), ...options });
    } catch (error) {
      return null; // no reception, or nothing that answers in time
    }
  };
  const body = async (answer) => { try { return await answer.json(); } catch (error) { return {}; } };

  // Who is logged in, and the token of their forms: {person, form_token, now, pages}. null: nobody answers; {}: nobody is logged in.
  const session = async () => {
    const answer = await ask("/api/v1/session");
    if (answer === null || answer.status >= 500 || answer.status === 429) return null;
    return answer.status === 200 ? body(answer) : {};
  };

  const send = async (entry, who, phone) => {
    const fields = { ...entry.fields, command_id: entry.id, ...(phone ? { phone } : {}) };
    const headers = { "content-type": "application/json", "x-form-token": who.form_token };
    const answer = await ask(entry.url, { method: "POST", headers, body: JSON.stringify(fields) });
    if (answer === null) return false;
    const said = await body(answer);
    if (answer.status === 401 || said.reason === "form_token") {
      await put({ ...entry, state: "login" });
      return false;
    }
    if (answer.status === 202) await put({ ...entry, state: "recorded", received_at: said.recorded_at });
    else if (answer.status in ENDS) {
      const words = said.says || { zh: said.text || String(answer.status), en: said.text || String(answer.status) };
      const counts = said.phone ? said.phone.counts : null;
      await put({ ...entry, state: ENDS[answer.status], says: words, received_at: said.recorded_at || null, counts, ended: Date.now() });
    } else return false; // the server is there and cannot take it now: later
    return true;
  };

  // Sends what waits, in the order it was entered. measure(entry): what the sender knows of the time since; fresh: the id of an entry of this
  // very moment, whose instant is its receipt. Returns the session, as above.
  const drain = (measure, fresh) => navigator.locks.request("plantroom-queue", async () => {
    const who = await session();
    if (who === null) return null;
    for (const entry of await all()) {
      if (!isOpen(entry)) {
        if (Date.now() - entry.ended > KEPT_MS) await remove(entry.n);
        continue;
      }
      if (!who.person) {
        if (entry.state === "waiting") await put({ ...entry, state: "login" });
        continue;
      }
      if (entry.person !== who.person) continue; // whose it is has to log in
      const phone = entry.id === fresh ? null : { ...entry.phone, sent_at: new Date().toISOString(), ...measure(entry) };
      if (!await send({ ...entry, state: entry.state === "login" ? "waiting" : entry.state }, who, phone)) break;
    }
    told("drained");
    return who;
  });

  return { all, add, find, remove, clear, drain, isOpen };
})();
