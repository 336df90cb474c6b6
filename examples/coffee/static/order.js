// Follows the order: a stream of events, and polling where there is none. The server renders; this only asks for it.
(() => {
  const panel = document.getElementById("panel");
  const live = document.getElementById("live");
  let shown = panel.dataset.stamp;
  let polling = null;
  let asking = false;

  // After a refusal the address is the button's; from here on it is the order's again.
  if (location.pathname !== panel.dataset.home) history.replaceState(null, "", panel.dataset.home);

  const say = (on) => { live.textContent = on ? live.dataset.live : live.dataset.offline; live.classList.toggle("on", on); };

  // The lit state is what matters: on a narrow screen the drawing is scrolled to it.
  const light = () => {
    const box = panel.querySelector(".machine");
    const state = box?.querySelector("[data-current]");
    if (!state) return;
    const at = state.getBoundingClientRect();
    const around = box.getBoundingClientRect();
    box.scrollLeft += at.left + at.width / 2 - around.left - around.width / 2;
  };

  const tick = () => {
    for (const time of panel.querySelectorAll("time[data-until]")) {
      const left = Math.max(0, Math.round((Number(time.dataset.until) - Date.now()) / 1000));
      time.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    }
  };

  // What the person is in the middle of stays: what is typed, what is open, where the cursor is.
  const replace = (html) => {
    const focused = document.activeElement?.id;
    const typed = panel.querySelector("#amount")?.value;
    const open = panel.querySelector("#part")?.open;
    panel.innerHTML = html;
    const amount = panel.querySelector("#amount");
    if (amount && open) { panel.querySelector("#part").open = true; amount.value = typed; }
    if (focused) document.getElementById(focused)?.focus();
    tick();
    light();
  };

  const refresh = async () => {
    if (asking) return;
    asking = true;
    try {
      const answer = await fetch(panel.dataset.url, { headers: { Accept: "text/html" } });
      say(answer.ok);
      if (!answer.ok) return;
      const stamp = answer.headers.get("X-Stamp");
      const html = await answer.text();
      if (stamp !== shown) { shown = stamp; replace(html); }
    } catch {
      say(false);
    } finally {
      asking = false;
    }
  };

  const poll = (on) => {
    if (on && polling === null) polling = setInterval(refresh, 1500);
    if (!on && polling !== null) { clearInterval(polling); polling = null; }
  };

  // A stream ends now and then and comes back by itself; only one that stays away is worth a word.
  let events = null;
  let doubt = null;
  const listen = () => {
    if (!("EventSource" in window)) { poll(true); refresh(); return; }
    events = new EventSource(panel.dataset.events);
    events.onopen = () => { clearTimeout(doubt); doubt = null; say(true); poll(false); };
    events.onmessage = (event) => { if (JSON.parse(event.data).stamp !== shown) refresh(); };
    events.onerror = () => { doubt ??= setTimeout(() => { poll(true); refresh(); }, 2000); };
  };

  // The phone opens beside the shop, as a phone would lie there; where popups are not allowed it is an ordinary tab.
  panel.addEventListener("click", (event) => {
    const link = event.target.closest("#open-phone");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || innerWidth < 700) return;
    if (open(link.href, "phone", "popup,width=400,height=780")) event.preventDefault();
  });
  // One press is one press.
  panel.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });

  addEventListener("pagehide", () => events?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) { refresh(); listen(); } });
  setInterval(tick, 500);
  tick();
  light();
  listen();
})();
