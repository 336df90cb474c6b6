// Follows one payment: a stream of events, and polling where there is none. The server renders; this asks for it.
(() => {
  const find = (id) => document.getElementById(id);
  const main = () => find("payflow-checkout");
  const base = main().dataset.base;
  if (!base) return;
  const PATIENCE = 8000, EVERY = 3000;
  let source = null, polling = null, busy = false;

  const say = (on) => {
    const line = find("payflow-connection");
    line.textContent = main().dataset.settled === "1" ? "" : on ? line.dataset.live : line.dataset.offline;
    line.classList.toggle("payflow-lost", !on);
  };

  const ask = (url, told = {}) => fetch(url, { cache: "no-store", ...told, signal: AbortSignal.timeout(PATIENCE) });

  const tick = () => {
    const time = find("payflow-deadline");
    if (!time) return;
    const left = Math.max(0, Math.round((Date.parse(time.dateTime) - Date.now()) / 1000));
    time.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  };

  // What is shown gives way to what is new; the live region itself stays, so that a reader hears of it.
  const swap = (fresh) => {
    const status = find("payflow-status"), card = status?.parentElement;
    const news = fresh.querySelector("#payflow-status"), freshCard = news?.parentElement;
    if (!status || !news) return main().replaceWith(document.adoptNode(fresh)); // a theme of another make
    for (const { name, value } of fresh.attributes) main().setAttribute(name, value);
    const rest = [...freshCard.children].filter((one) => one !== news);
    for (const one of [...card.children]) if (one !== status) one.remove();
    status.replaceChildren(...news.childNodes);
    card.append(...rest);
    document.title = document.title.replace(/^[^·]*/, `${status.querySelector("h1")?.textContent ?? ""} `);
  };

  // The page as the server has it now takes the place of what is shown; where the cursor is, it stays.
  const take = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("payflow-checkout");
    if (!fresh) return;
    const focused = document.activeElement?.id;
    if (fresh.dataset.stamp !== main().dataset.stamp) {
      swap(fresh);
      if (focused) find(focused)?.focus();
    }
    tick();
    if (main().dataset.settled === "1") stop();
  };

  const refresh = async () => {
    if (busy) return;
    busy = true;
    try {
      const answer = await ask(base, { headers: { Accept: "text/html" } });
      if (answer.ok) take(await answer.text());
      say(answer.ok);
    } catch {
      say(false);
    } finally {
      busy = false;
    }
  };

  // Somebody has come back, from the gateway or from another tab: the gateway is asked, whatever the address says.
  const returned = async () => {
    if (main().dataset.settled === "1") return refresh();
    try {
      const answer = await ask(`${base}/refresh`, { method: "POST" });
      if (answer.ok) take(await answer.text());
      say(answer.ok);
    } catch {
      say(false);
    }
  };

  const poll = () => { if (polling === null) polling = setInterval(refresh, EVERY); };
  const rest = () => { clearInterval(polling); polling = null; };
  const stop = () => { rest(); source?.close(); source = null; say(true); };

  const listen = () => {
    if (source || !window.EventSource) return poll();
    source = new EventSource(`${base}/events`);
    source.onopen = () => { rest(); say(true); };
    source.onmessage = (event) => {
      say(true);
      if (JSON.parse(event.data).stamp !== main().dataset.stamp) refresh();
    };
    source.onerror = () => {
      poll(); // which says whether there is a connection at all
      if (source?.readyState === EventSource.CLOSED) { source = null; setTimeout(listen, 10_000); }
    };
  };

  setInterval(tick, 1000);
  tick();
  say(navigator.onLine);
  if (main().dataset.settled !== "1") { listen(); poll(); }
  const [entry] = performance.getEntriesByType("navigation");
  const foreign = document.referrer && new URL(document.referrer).origin !== location.origin;
  if (foreign || entry?.type === "back_forward") returned();
  addEventListener("pageshow", (event) => { if (event.persisted) { source = null; listen(); returned(); } });
  addEventListener("visibilitychange", () => { if (!document.hidden) returned(); });
  addEventListener("online", () => { returned(); listen(); });
  addEventListener("offline", () => say(false));
})();
