// "[" and "]" turn the pages of the documentation. The links they press are there for everybody.
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input:not([type=radio]), textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
  if (event.key === "[" || event.key === "]") document.querySelector(`[data-key="${event.key}"]`)?.click();
});

// The language of samples is remembered where the server reads it, so that the next page opens in it without a flicker.
document.addEventListener("change", (event) => {
  if (event.target.dataset?.remember !== "sample") return;
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `sample=${encodeURIComponent(event.target.value)};path=/;max-age=31536000;samesite=lax${secure}`;
});

// "Expand all" opens every fold of its section, and folds them again.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-expand]");
  if (!button) return;
  const open = button.getAttribute("aria-expanded") !== "true";
  for (const fold of button.closest("section").querySelectorAll("details")) fold.open = open;
  button.dataset.more ??= button.textContent;
  button.textContent = open ? button.dataset.less : button.dataset.more;
  button.setAttribute("aria-expanded", String(open));
});
