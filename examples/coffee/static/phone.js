// A second tap while the first is under way does nothing.
(() => {
  const form = document.querySelector("form");
  let tapped = false;
  form?.addEventListener("submit", (event) => {
    if (tapped) event.preventDefault();
    tapped = true;
  });
})();
