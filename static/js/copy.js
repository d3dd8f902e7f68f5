// Copy buttons: the text is in the button; the result is written on it and spoken.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const label = button.querySelector("[data-label]") ?? button;
  const before = (button.dataset.before ??= label.textContent);
  let words = button.dataset.copied;
  try {
    const beside = button.closest(".key-row, .code")?.querySelector("code");
    await navigator.clipboard.writeText(button.dataset.copy || beside.textContent);
    button.dataset.done = "";
  } catch {
    words = button.dataset.failed;
    const shown = button.closest(".key-row, .code")?.querySelector("code");
    if (shown) getSelection().selectAllChildren(shown);
  }
  label.textContent = words;
  const line = document.getElementById("announce");
  if (line) line.textContent = words;
  clearTimeout(button.copyTimer);
  button.copyTimer = setTimeout(() => {
    label.textContent = before;
    delete button.dataset.done;
  }, 2500);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
