// "This browser is told": asks the browser for a push subscription and gives it to the server; turns it off again.
"use strict";
(async () => {
  const box = document.getElementById("push");
  if (!box) return;
  const button = box.querySelector("button.go"), say = box.querySelector("[role=status]"), words = JSON.parse(box.dataset.words);
  const tell = (key) => { say.textContent = words[key]; };
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) {
    tell("standalone" in navigator && !navigator.standalone ? "install" : "impossible"); // Apple's alone say so: as an app they can
    return;
  }
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const worker = await navigator.serviceWorker.ready;
  const now = await worker.pushManager.getSubscription();
  const same = now && new Uint8Array(now.options.applicationServerKey || []).join() === bytes(box.dataset.key).join();
  const id = same ? [...new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(now.endpoint)))].map((b) => b.toString(16).padStart(2, "0")).join("").slice(0, 16) : "";
  const listed = same && box.querySelector(`[data-id="${id}"]`);
  if (listed && !listed.dataset.gone) {
    listed.classList.add("here");
    tell("on");
    listed.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      now.unsubscribe().finally(() => event.target.submit());
    });
    return;
  }
  tell(Notification.permission === "denied" ? "denied" : "off");
  button.hidden = Notification.permission === "denied";
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      if (await Notification.requestPermission() !== "granted") { tell("denied"); return; }
      if (now) await now.unsubscribe(); // of an older key, or gone
      const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(box.dataset.key) });
      const label = (navigator.userAgentData && [navigator.userAgentData.platform, ...navigator.userAgentData.brands.map((each) => each.brand).slice(-1)].join(" ")) || navigator.platform;
      const headers = { "content-type": "application/json", "x-form-token": box.dataset.token };
      const { endpoint, keys } = made.toJSON();
      const answer = await fetch("/account/push", { method: "POST", credentials: "same-origin", headers, body: JSON.stringify({ endpoint, keys, label }) });
      if (answer.ok) location.reload(); else tell("refused");
    } catch (error) {
      tell("unreachable");
    } finally {
      button.disabled = false;
    }
  });
})();
