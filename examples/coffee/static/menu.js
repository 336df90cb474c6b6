// Adds up the order while it is chosen. Without it the page orders just as well; the server knows the prices.
(() => {
  const form = document.getElementById("choose");
  const quantity = document.getElementById("quantity");
  const total = document.getElementById("total");
  const sum = total.querySelector("output");

  const cups = () => Math.min(20, Math.max(1, Math.trunc(Number(quantity.value)) || 1));

  const add = () => {
    const price = [...form.querySelectorAll("input:checked")].reduce((minor, one) => minor + Number(one.dataset.price), 0);
    const minor = String(price * cups()).padStart(3, "0");
    sum.textContent = `¥${minor.slice(0, -2)}.${minor.slice(-2)}`;
  };

  for (const button of form.querySelectorAll("[data-by]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      quantity.value = cups() + Number(button.dataset.by);
      quantity.value = cups();
      add();
    });
  }
  form.addEventListener("input", add);
  addEventListener("pageshow", add);
  total.hidden = false;
  add();
})();
