// Keeps a page fresh. The server draws everything; this fetches the page again when something has changed and puts
// the parts that differ in the place of the old ones. Forms are sent without leaving the page.
"use strict";
(() => {
  const live = () => document.querySelector("#live");
  const last = new Map();
  let state = "", running = false, again = false;
  for (const part of document.querySelectorAll("[data-part]")) last.set(part.id, still(part));
  if (!last.size) return;

  // A part without what ticks in it: a clock that has moved on is no reason to draw everything anew.
  function still(part) {
    const copy = part.cloneNode(true);
    for (const one of copy.querySelectorAll("[data-tick]")) one.replaceWith();
    return copy.outerHTML;
  }

  function tell(now) {
    state = now;
    const shown = live();
    if (shown) { shown.hidden = now !== "live"; }
  }

  function apply(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const focus = document.activeElement && document.activeElement.id;
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      if (!old) continue;
      if (last.get(part.id) === still(part)) {
        const ticking = part.querySelectorAll("[data-tick]");
        [...old.querySelectorAll("[data-tick]")].forEach((one, n) => one.replaceWith(document.importNode(ticking[n], true)));
        continue;
      }
      if (part.id !== "notice" && typing(old)) continue;
      last.set(part.id, still(part));
      const places = [...old.querySelectorAll(".timeline, .table")].map((one) => one.scrollLeft);
      old.replaceWith(document.importNode(part, true));
      const put = document.getElementById(part.id);
      [...put.querySelectorAll(".timeline, .table")].forEach((one, n) => { one.scrollLeft = places[n] || 0; });
    }
    if (focus && document.activeElement === document.body) {
      const again = document.getElementById(focus);
      if (again) again.focus({ preventScroll: true });
    }
    tell(state);
  }

  // What somebody is filling in is left alone until they are done.
  function typing(part) {
    const at = document.activeElement;
    return at && part.contains(at) && at.matches("input:not([type=hidden]), select") && at.value !== at.defaultValue && at.defaultValue !== undefined;
  }

  async function refresh() {
    if (running) { again = true; return; }
    running = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      apply(await answer.text());
    } catch {
      tell("gone");
    } finally {
      running = false;
      if (again) { again = false; setTimeout(refresh, 300); }
    }
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    event.preventDefault();
    const button = event.submitter;
    if (button) button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      const old = document.querySelector("#notice");
      if (old) last.delete("notice");
      apply(await answer.text());
      if (answer.ok && form.closest("#new-fault")) form.reset();
      const said = document.querySelector("#notice p");
      if (said) said.scrollIntoView({ block: "nearest" });
    } catch {
      form.submit();
    } finally {
      if (button) button.disabled = false;
    }
  });

  let seen = -1; // the page may be older than the stream: the first word of it is a change, too
  function changed(version) {
    if (version !== seen) refresh();
    seen = version;
  }

  let polling = false;
  async function poll() {
    polling = true;
    try {
      const answer = await fetch("/sandbox/counts");
      changed((await answer.json()).version);
      tell("live");
    } catch {
      tell("gone");
    }
    setTimeout(poll, 1500);
  }

  function follow() {
    if (!window.EventSource) { poll(); return; }
    const stream = new EventSource("/sandbox/live");
    stream.addEventListener("change", (event) => { tell("live"); changed(JSON.parse(event.data).version); });
    stream.addEventListener("error", () => {
      tell("gone");
      if (stream.readyState === EventSource.CLOSED && !polling) poll();
    });
    addEventListener("pagehide", () => stream.close());
  }

  // What ticks goes by the sandbox's clock, which may run faster than ours.
  const began = new WeakMap();
  const two = (n) => String(n).padStart(2, "0");
  setInterval(() => {
    for (const shown of document.querySelectorAll("[data-tick]")) {
      if (!began.has(shown)) began.set(shown, performance.now());
      const passed = (performance.now() - began.get(shown)) / 1000 * Number(shown.dataset.speed);
      if (shown.dataset.now) {
        const at = new Date(Number(shown.dataset.now) + passed * 1000 + 8 * 3600 * 1000); // Beijing has no summer time
        shown.textContent = at.toISOString().slice(0, 19).replace("T", " ");
        continue;
      }
      const left = Math.max(0, Math.floor(Number(shown.dataset.left) - passed));
      if (left >= 86400) continue;
      const hours = Math.floor(left / 3600), text = `${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
      shown.textContent = hours ? `${hours}:${text}` : text;
    }
  }, 500);

  follow();
})();
