// Runs before the first paint: says that scripts work, and makes the theme switch instant.
// The cookie is the truth (the server reads it); without scripts the same buttons post the same choice.
(() => {
  const root = document.documentElement;
  root.dataset.js = "";

  const apply = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-switch] button"))
      button.setAttribute("aria-pressed", String(button.value === theme));
    document.dispatchEvent(new CustomEvent("themechange", { detail: theme }));
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-theme-switch]");
    if (!form || event.submitter?.name !== "theme") return; // the palette's form sends other acts as well
    event.preventDefault();
    const theme = event.submitter.value;
    apply(theme);
    const body = new URLSearchParams(new FormData(form));
    body.set("theme", theme);
    fetch(event.submitter.getAttribute("formaction") ?? form.action, { method: "POST", body, credentials: "same-origin", redirect: "manual" }).catch(() => {});
  });

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (!root.dataset.theme) document.dispatchEvent(new CustomEvent("themechange", { detail: "auto" }));
  });
})();
