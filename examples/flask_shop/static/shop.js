// Everything works without this. With it: a form is sent once, and the page of an order follows what happens to it.
(() => {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!("once" in form.dataset)) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    form.querySelector("button")?.setAttribute("aria-disabled", "true");
  });
  // Back from the gateway with the browser's own button: the page is shown as it was left, so its forms may be sent again.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelector("button")?.removeAttribute("aria-disabled");
    }
    ask();
  });

  let asking = false;
  const ask = async () => {
    const page = document.getElementById("follow");
    if (!page || asking || document.hidden) return;
    asking = true;
    try {
      const told = await fetch(page.dataset.url, { headers: { Accept: "application/json" } });
      if (!told.ok) return;
      const { stamp } = await told.json();
      // Nothing is taken out of the hands of somebody who is writing.
      const busy = page.querySelector("details[open]") !== null;
      if (stamp === page.dataset.stamp || busy) return;
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("follow");
      if (fresh) page.replaceWith(document.importNode(fresh, true));
    } catch {
      // no network: asked again in a moment
    } finally {
      asking = false;
    }
  };
  setInterval(() => { if (document.getElementById("follow")?.dataset.waits === "1") ask(); }, 1200);
  addEventListener("visibilitychange", ask);
})();
