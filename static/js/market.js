// The market: cards by keyboard, the tray of the comparison, filters that stay open on a phone.
// Without this the boxes still send the comparison, links still filter and stars still save.

const tray = document.querySelector("[data-tray]");
const MOST = 4;
const announce = (words) => document.dispatchEvent(new CustomEvent("announce", { detail: words }));
const KEY = "compare";

// ---- the tray: what is ticked survives swaps, pages and reloads, not the closing of the tab ------------------------------
const read = () => {
  try { return JSON.parse(sessionStorage.getItem(KEY) ?? "[]").filter(([value, name]) => value && name).slice(0, MOST); }
  catch { return []; }
};
let picked = read();

function keep() {
  try { sessionStorage.setItem(KEY, JSON.stringify(picked)); } catch { /* storage may be closed */ }
}

function draw() {
  for (const box of document.querySelectorAll("[data-compare]")) box.checked = picked.some(([value]) => value === box.value);
  if (!tray) return;
  tray.toggleAttribute("data-filled", picked.length > 0);
  tray.querySelector("[data-tray-text]").textContent = count();
  tray.querySelector("[data-tray-list]").replaceChildren(...picked.map(entry));
}

const count = () => (picked.length === 1 ? tray.dataset.one : tray.dataset.many.replace("{n}", picked.length));

function entry([value, name]) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const words = document.createElement("span");
  button.type = "button";
  button.className = "chip";
  words.textContent = name;
  button.append(words, " ×");
  button.addEventListener("click", () => toggle(value, name));
  item.append(button);
  return item;
}

function toggle(value, name) {
  if (!tray) return;
  if (picked.some(([known]) => known === value)) picked = picked.filter(([known]) => known !== value);
  else if (picked.length >= MOST) {
    draw();
    document.dispatchEvent(new CustomEvent("toast", { detail: tray.dataset.full }));
    return;
  } else picked = [...picked, [value, name]];
  keep();
  draw();
  announce(count());
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-compare]")) toggle(target.value, target.dataset.compare);
});
tray?.querySelector("[data-tray-clear]").addEventListener("click", () => ((picked = []), keep(), draw(), announce(count())));
tray?.addEventListener("submit", (event) => {
  event.preventDefault();
  if (picked.length) location.assign(tray.action + "?" + new URLSearchParams(picked.map(([value]) => ["api", value])));
});

// ---- filters on a phone stay open from one choice to the next ---------------------------------------------------------------
let isOpen = false;
document.addEventListener("htmx:beforeSwap", () => (isOpen = document.querySelector("[data-keep-open]")?.open ?? false));
document.addEventListener("htmx:afterSettle", () => {
  const fold = document.querySelector("[data-keep-open]");
  if (fold && isOpen) fold.open = true;
  draw();
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-fold-close]")) return;
  event.preventDefault();
  document.querySelector("[data-keep-open]").open = false;
  const found = document.getElementById("found");
  found.focus({ preventScroll: true });
  found.scrollIntoView({ block: "start" });
});

// ---- j and k move, Enter opens (it is a link), c compares ---------------------------------------------------------------------
const typing = (element) =>
  element?.isContentEditable || ["TEXTAREA", "SELECT"].includes(element?.tagName) ||
  (element?.tagName === "INPUT" && !["checkbox", "radio", "button", "submit"].includes(element.type));
let led = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "g") return void (led = event.timeStamp);
  if (event.timeStamp - led < 1500 && led) return void (led = 0); // "g c" goes to the market
  if (!["j", "k", "c"].includes(event.key)) return;
  const cards = [...document.querySelectorAll("[data-card]")];
  const here = cards.findIndex((card) => card.contains(document.activeElement));
  if (event.key === "c") {
    if (here >= 0) cards[here].querySelector("[data-compare]")?.click();
    return;
  }
  const next = cards[event.key === "j" ? Math.min(here + 1, cards.length - 1) : Math.max(here - 1, 0)];
  if (!next) return;
  event.preventDefault();
  next.querySelector("h2 a, h3 a").focus();
});

addEventListener("pageshow", () => ((picked = read()), draw()));
draw();
