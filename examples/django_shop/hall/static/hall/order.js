// The page of an order follows it: when its stamp has changed, the panel is fetched and put in place of the old one.
(() => {
  const panel = document.getElementById("panel");
  let stamp = panel.dataset.stamp, pause = 1000;

  const look = async () => {
    if (!document.hidden && panel.querySelector("[data-live]")) {
      try {
        const told = await fetch(panel.dataset.state, {cache: "no-store"});
        if (!told.ok) throw new Error(told.status);
        const now = (await told.json()).stamp;
        if (now !== stamp) await take(now);
        pause = 1000;
      } catch {
        pause = Math.min(pause * 2, 30000);  // the network is gone, or the shop: asked again, ever more slowly
      }
    }
    setTimeout(look, pause);
  };

  const take = async (now) => {
    const page = await fetch(location.href, {cache: "no-store"});
    if (!page.ok) throw new Error(page.status);
    const fresh = new DOMParser().parseFromString(await page.text(), "text/html").getElementById("panel");
    panel.replaceChildren(...fresh.childNodes);
    stamp = now;
  };

  document.addEventListener("visibilitychange", () => { pause = 1000; });
  setTimeout(look, pause);
})();
