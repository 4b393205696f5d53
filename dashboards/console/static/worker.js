// The service worker: keeps the pages of faults and orders a person opened, or has, for reading without reception; sends what was entered
// meanwhile when there is some again. A page the server answers is always the server's.
"use strict";
const ASSETS = []; // filled in by the server: every static file of this release by its address
const KEPT = /^\/(faults|orders)\/[^/]+$/;
const MOST_PAGES = 60;
const PATIENCE_MS = 10000; // before a page kept is shown; without one there is no end to it
importScripts(ASSETS.find((url) => url.startsWith("/static/queue.js")));

addEventListener("install", (event) => event.waitUntil((async () => {
  const cache = await caches.open("assets");
  await cache.addAll([...ASSETS, "/offline"]);
  await skipWaiting();
})()));

addEventListener("activate", (event) => event.waitUntil((async () => {
  const cache = await caches.open("assets");
  const fresh = new Set(ASSETS.map((url) => new URL(url, location.origin).href));
  for (const request of await cache.keys()) if (request.url.includes("/static/") && !fresh.has(request.url)) await cache.delete(request);
  await clients.claim();
})()));

// What belongs to one visit is no part of a page's name.
const named = (address) => {
  const url = new URL(address, location.origin);
  const site = url.searchParams.get("site");
  return url.origin + url.pathname + (site ? `?site=${encodeURIComponent(site)}` : "");
};

let left = 0; // how often somebody went: a page that was fetched before is not kept after

// Kept as it will be read: marked with its time, without the token of its forms.
const store = async (address, response, before) => {
  const html = await response.text();
  const person = (html.match(/ data-person="([^"]+)"/) || [])[1];
  if (!person || left !== before) return;
  const marked = html.replace(' data-cached=""', ` data-cached="${Date.now()}"`).replace('id="stale" hidden', 'id="stale"')
    .replace(/name="form_token" value="[^"]*"/g, 'name="form_token" value=""');
  for (const name of await caches.keys()) if (name.startsWith("pages:") && name !== `pages:${person}`) await caches.delete(name);
  const cache = await caches.open(`pages:${person}`);
  await cache.delete(named(address)); // the newest stands last
  await cache.put(named(address), new Response(marked, { headers: { "content-type": "text/html; charset=utf-8" } }));
  if (left !== before) await caches.delete(`pages:${person}`);
  const keys = await cache.keys();
  for (const request of keys.slice(0, Math.max(0, keys.length - MOST_PAGES))) await cache.delete(request);
};

const keep = async (address) => {
  const before = left;
  const answer = await fetch(named(address), { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (answer && answer.ok && !answer.redirected) await store(address, answer, before);
};

const kept = async (address) => {
  for (const name of await caches.keys()) {
    const found = name.startsWith("pages:") && await (await caches.open(name)).match(named(address));
    if (found) return found;
  }
  return null;
};

// Somebody logs out: no page of theirs stays, and nothing that was answered. What was not sent yet is the page's to ask about; where it had
// no time to ask, it stays rather than being lost.
const forget = async () => {
  left += 1;
  for (const name of await caches.keys()) {
    if (!name.startsWith("pages:")) continue;
    await caches.delete(name);
    await plantroomQueue.clear((entry) => entry.person === name.slice(6) && !plantroomQueue.isOpen(entry));
  }
};

const page = async (event) => {
  const url = new URL(event.request.url), keeps = KEPT.test(url.pathname);
  const here = keeps ? await kept(url) : null;
  const before = left, asked = fetch(event.request);
  try {
    const late = here && new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null));
    const answer = await (late ? Promise.race([asked, late]) : asked);
    if (answer === null) throw new TypeError("no answer in time");
    if (keeps && answer.status === 200) event.waitUntil(url.searchParams.has("command") ? keep(url) : store(url, answer.clone(), before));
    return answer;
  } catch (error) {
    asked.catch(() => null);
    return here || await caches.match("/offline") || Response.error();
  }
};

addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request, { origin, pathname } = new URL(url);
  if (origin !== location.origin) return;
  if (method === "GET" && mode === "navigate") event.respondWith(page(event));
  else if (method === "POST" && pathname === "/logout") event.waitUntil(forget());
  else if (method === "GET" && pathname.startsWith("/static/")) {
    event.respondWith(fetch(event.request).catch(async () => await caches.match(url) || await caches.match(url, { ignoreSearch: true }) || Response.error()));
  }
});

addEventListener("message", (event) => {
  if (event.data.forget) event.waitUntil(forget());
  else if (event.data.keep) event.waitUntil((async () => { for (const path of event.data.keep.slice(0, MOST_PAGES)) await keep(path); })());
});

addEventListener("sync", (event) => event.waitUntil(plantroomQueue.drain((entry) => ({ waited_s: 0, set_back_s: entry.set_back_s }))));

// A page about a fault: the two lines; a tap opens what it is about. That it was shown is told to the server, which is all it means.
addEventListener("push", (event) => event.waitUntil((async () => {
  const told = event.data.json();
  await registration.showNotification(told.title, { body: told.body, tag: told.tag, renotify: true, requireInteraction: true, lang: told.lang, data: { url: told.url }, icon: "/static/icons/icon-192.png" });
  if (/^\/push\/shown\/[\w-]+$/.test(told.shown || "")) await fetch(told.shown, { method: "POST", credentials: "omit" }).catch(() => null);
})()));

addEventListener("notificationclick", (event) => {
  event.notification.close();
  const url = new URL(event.notification.data.url, location.origin);
  event.waitUntil((async () => {
    const open = (await clients.matchAll({ type: "window" })).find((client) => client.url === url.href);
    await (open ? open.focus() : clients.openWindow(url.href));
  })());
});
