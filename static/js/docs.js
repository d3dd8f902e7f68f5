// "[" and "]" turn the pages of the documentation. The links they press are there for everybody.
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
  if (event.key === "[" || event.key === "]") document.querySelector(`[data-key="${event.key}"]`)?.click();
});
