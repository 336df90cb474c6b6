// Follows the payment: a stream of events, and polling where there is none. The server renders; this only asks for it.
(() => {
  const panel = document.getElementById("panel");
  const live = document.getElementById("live");
  let shown = Number(panel.dataset.version);
  let polling = null;

  const say = (on) => { live.textContent = on ? live.dataset.live : live.dataset.offline; live.classList.toggle("on", on); };

  const refresh = async () => {
    try {
      const answer = await fetch(panel.dataset.url, { headers: { Accept: "text/html" } });
      if (!answer.ok) { say(false); return; }
      const version = Number(answer.headers.get("X-Version"));
      say(true);
      if (version === shown) return;
      const focused = document.activeElement && document.activeElement.id;
      panel.innerHTML = await answer.text();
      shown = version;
      if (focused) document.getElementById(focused)?.focus();
    } catch { say(false); }
  };

  const poll = (on) => {
    if (on && polling === null) polling = setInterval(refresh, 1500);
    if (!on && polling !== null) { clearInterval(polling); polling = null; }
  };

  if ("EventSource" in window) {
    const events = new EventSource(panel.dataset.events);
    events.onopen = () => { say(true); poll(false); };
    events.onmessage = (event) => { if (JSON.parse(event.data).version !== shown) refresh(); };
    events.onerror = () => { say(false); poll(true); };
    addEventListener("pagehide", () => events.close());
  } else {
    poll(true);
  }
  addEventListener("pageshow", (event) => { if (event.persisted) refresh(); });
})();
