// Buttons that copy the code beside them. Without JavaScript there are none, and the code can be selected.
"use strict";
for (const code of document.querySelectorAll("pre[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy small";
  button.textContent = code.dataset.copy;
  button.addEventListener("click", async () => {
    const text = code.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(code.querySelector("code"));
      return;
    }
    button.textContent = code.dataset.copied;
    setTimeout(() => { button.textContent = code.dataset.copy; }, 1500);
  });
  code.before(button);
}
