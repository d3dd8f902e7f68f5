// The command palette: Ctrl+K or ⌘K, or the button in the bar. A combobox (WAI-ARIA APG): focus stays in the box, the chosen
// option is named by aria-activedescendant. The server finds; here are keys, and what was opened on this device.
//
// What was opened is kept in this browser, as addresses alone: nothing is written on the server for a jump, and the server
// shows of them only what the reader may see now. They belong to one person and are dropped when somebody else reads.
const palette = document.getElementById("palette");
const form = palette.querySelector("form");
const words = form.querySelector("[role='combobox']");
const KEY = "recent";
const MOST = 5;
const isMac = /Mac|iP(hone|ad|od)/.test(navigator.platform);
let opener = null;
let hasMoved = false; // by arrows: then Home and End are the list's, else the text's
let isWaiting = false; // Enter came before the answer did

const list = () => document.getElementById("palette-found");
const options = () => [...list().querySelectorAll("[role='option']")];
const chosen = () => list().querySelector("[aria-selected='true']");
const typed = () => words.value.trim().replace(/\s+/g, " ");

function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (kept.whose === palette.dataset.whose) return kept.addresses.filter((one) => typeof one === "string").slice(0, MOST);
    localStorage.removeItem(KEY);
  } catch { /* storage may be closed, or hold something else */ }
  return [];
}

function remember(address) {
  const addresses = [address, ...remembered().filter((one) => one !== address)].slice(0, MOST);
  try { localStorage.setItem(KEY, JSON.stringify({ whose: palette.dataset.whose, addresses })); } catch { /* as above */ }
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) words.setAttribute("aria-activedescendant", option.id);
  else words.removeAttribute("aria-activedescendant");
}

function open() {
  if (palette.open || document.querySelector("dialog[open]")) return;
  opener = document.activeElement;
  form.elements.recent.value = remembered().join(" ");
  words.value = "";
  palette.showModal();
  words.focus();
  globalThis.htmx?.trigger(form, "palette-open");
}

function act(option, isElsewhere) {
  if (!option) return;
  if (isElsewhere && option.href) {
    remember(new URL(option.href).pathname);
    openElsewhere(option.href);
  } else option.click();
}

const openElsewhere = (address) => globalThis.open(address, "_blank", "noopener");

const MOVES = {
  ArrowDown: (all, at) => all[(at + 1) % all.length],
  ArrowUp: (all, at) => all[(at - 1 + all.length) % all.length],
  Home: (all) => all[0],
  End: (all) => all[all.length - 1],
};

words.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Enter") {
    event.preventDefault();
    if (list().dataset.words === typed()) act(chosen(), event.ctrlKey || event.metaKey);
    else (isWaiting = true, globalThis.htmx.trigger(form, "palette-open"));
    return;
  }
  const move = MOVES[event.key];
  if (!move || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (["Home", "End"].includes(event.key) && !hasMoved) return;
  const all = options();
  if (!all.length) return;
  event.preventDefault();
  hasMoved = true;
  choose(move(all, all.indexOf(chosen())));
});
words.addEventListener("input", () => ((hasMoved = false), (isWaiting = false)));

// The first is chosen as soon as the answer is there; what was pressed too early happens now.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target?.id !== "palette-found" || !palette.open) return;
  hasMoved = false;
  choose(options()[0]);
  if (isWaiting && list().dataset.words === typed()) ((isWaiting = false), act(chosen(), false));
});
for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"])
  form.addEventListener(name, (event) => {
    event.stopPropagation(); // a toast would lie below the palette
    const said = document.createElement("p");
    said.className = "palette-failed";
    said.setAttribute("role", "alert");
    said.textContent = palette.dataset.textFailed;
    list().replaceChildren(said);
    delete list().dataset.words;
    isWaiting = false;
    choose(null);
  });

palette.addEventListener("click", (event) => {
  const option = event.target.closest("[role='option']");
  if (option?.href) remember(new URL(option.href).pathname);
  const isElsewhere = option?.href && (event.ctrlKey || event.metaKey || event.shiftKey);
  if (event.target === palette || event.target.closest("[data-palette-close]") || (option && !isElsewhere)) palette.close();
});
palette.addEventListener("close", () => {
  choose(null);
  isWaiting = false;
  if (opener?.isConnected) opener.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || event.altKey || event.shiftKey || event.ctrlKey === event.metaKey) return;
  event.preventDefault();
  if (palette.open) palette.close();
  else open();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-palette]");
  if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open();
});
for (const key of document.querySelectorAll("[data-mod-key]")) key.textContent = isMac ? "⌘" : "Ctrl";
for (const button of document.querySelectorAll("[data-palette]")) button.setAttribute("role", "button");
