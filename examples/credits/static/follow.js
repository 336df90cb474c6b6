// The server renders; this follows. Forms are sent without leaving the page, words appear as they come, and what waits
// for something asks again. Without it every form and every page works all the same.
(() => {
  const panel = () => document.getElementById("panel");
  let stream = null;
  let followed;
  let asking = false;
  let sent = 0; // how often something was sent, or what came of it shown: what was asked for before is old by then

  // What the person is in the middle of stays: what is typed, where the cursor is.
  const swap = (html, { asked = false } = {}) => {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("panel");
    const old = panel();
    if (!fresh || !old) return false;
    const focused = document.activeElement?.id;
    const typed = old.querySelector("#question");
    const draft = asked ? null : typed?.value;
    for (const live of old.querySelectorAll("[data-stream]")) { // words that came since the server looked
      const twin = fresh.querySelector(`[data-stream="${live.dataset.stream}"]`);
      if (twin && Number(twin.dataset.from) < Number(live.dataset.from)) {
        twin.textContent = live.textContent;
        twin.dataset.from = live.dataset.from;
      }
    }
    old.replaceWith(fresh);
    const question = fresh.querySelector("#question");
    if (question && draft && !question.value) question.value = draft;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    listen();
    return true;
  };

  const refresh = async () => {
    if (asking || !panel()) return;
    asking = true;
    const before = sent;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const html = await answer.text();
      if (answer.ok && before === sent) swap(html);
    } catch { /* the next one will tell */ } finally { asking = false; }
  };

  const near = () => innerHeight + scrollY > document.documentElement.scrollHeight - 160;
  const down = () => scrollTo(0, document.documentElement.scrollHeight);

  // The newest answer that is being written is followed by a stream; at its end the page is asked for once more. One
  // stream a tab, and none where nobody looks: a browser opens only six connections to a server, for all its tabs.
  const listen = () => {
    const place = document.hidden ? null : [...document.querySelectorAll("[data-stream]")].pop();
    if (place?.dataset.stream === followed) return;
    stream?.close();
    stream = null;
    followed = place?.dataset.stream;
    if (!followed || !("EventSource" in window)) return;
    const url = followed;
    stream = new EventSource(`${url}?from=${place.dataset.from}`);
    stream.onmessage = (event) => {
      const words = document.querySelector(`[data-stream="${url}"]`);
      if (!words || Number(event.lastEventId) < Number(words.dataset.from)) return;
      const follows = near();
      words.append(JSON.parse(event.data));
      words.dataset.from = Number(event.lastEventId) + 1;
      if (follows) down();
    };
    stream.addEventListener("end", (event) => { event.target.close(); refresh(); });
  };

  const send = async (form, button) => {
    const body = new URLSearchParams(new FormData(form));
    if (button?.name) body.set(button.name, button.value);
    const asked = form.matches("[action$='/ask']");
    sent += 1;
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
      const html = await answer.text();
      sent += 1;
      if (!swap(html, { asked: asked && answer.ok })) location.reload();
      if (asked) { document.getElementById("question")?.focus({ preventScroll: true }); down(); }
    } catch { form.submit(); }
  };

  addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; } // one press is one press
    form.dataset.sent = "yes";
    if (!("swap" in form.dataset)) return;
    event.preventDefault();
    send(form, event.submitter);
  });

  // The phone opens beside the page, as a phone would lie there; where popups are not allowed it is an ordinary tab.
  addEventListener("click", (event) => {
    const link = event.target.closest?.("#open-phone");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || innerWidth < 700) return;
    if (open(link.href, "phone", "popup,width=400,height=780")) event.preventDefault();
  });

  addEventListener("input", (event) => {
    if (event.target.id !== "amount") return;
    const field = event.target;
    const brings = document.getElementById("brings");
    const found = /^\s*¥?(\d{1,6})(?:\.(\d{1,2}))?\s*$/.exec(field.value);
    const minor = found ? Number(found[1]) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : 0;
    const credit = Math.floor((minor * Number(field.dataset.credit)) / Number(field.dataset.per));
    brings.textContent = credit ? `${brings.dataset.words} ${credit.toLocaleString("en")} ${brings.dataset.unit}` : "";
  });

  let since = 0;
  setInterval(() => {
    const every = Number(panel()?.dataset.poll ?? 0);
    since += 500;
    if (every && since >= every && !document.hidden) { since = 0; refresh(); }
  }, 500);
  addEventListener("pagehide", () => { stream?.close(); stream = null; followed = undefined; });
  document.addEventListener("visibilitychange", () => { listen(); if (!document.hidden) refresh(); });
  addEventListener("pageshow", (event) => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    if (event.persisted) refresh();
    listen();
  });
  if (document.querySelector("[data-stream]") || location.hash === "#now") down();
})();
