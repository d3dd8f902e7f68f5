// What every page does: requests that keep the person informed, focus that follows the answer, small conveniences.
// Everything here only quickens what links and forms already do.

const root = document.documentElement;
const text = (name) => document.body.dataset["text" + name] ?? "";
const SLOW_MS = 5000;

// ---- telling ----------------------------------------------------------------------------------------------------------
export function announce(words) {
  const line = document.getElementById("announce");
  if (!line || !words) return;
  line.textContent = "";
  requestAnimationFrame(() => (line.textContent = words));
}

function toast(words, { actions = [], small = "", keep = false } = {}) {
  const box = document.createElement("div");
  box.className = "toast arrived";
  const said = document.createElement("span");
  said.textContent = words;
  if (small) {
    const line = document.createElement("small");
    line.className = "block";
    line.textContent = small;
    said.append(line);
  }
  box.append(said);
  const close = () => box.remove();
  for (const [label, act] of actions) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toast-act";
    button.textContent = label;
    button.addEventListener("click", () => (close(), act()));
    box.append(button);
  }
  document.getElementById("toasts")?.append(box);
  if (!keep) setTimeout(close, 8000);
  return close;
}

document.addEventListener("announce", (event) => announce(event.detail?.value ?? event.detail));
document.addEventListener("toast", (event) => toast(event.detail?.value ?? event.detail));

// ---- requests -----------------------------------------------------------------------------------------------------------
const csrf = () => document.querySelector('meta[name="csrf-token"]');
const underWay = new Map();

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrf()?.content ?? "";
});

// The server found the token too old and sends a new one; what the person typed stays where it is.
document.addEventListener("csrf-refresh", (event) => {
  const token = event.detail?.token ?? event.detail?.value;
  if (!token) return;
  csrf()?.setAttribute("content", token);
  for (const input of document.querySelectorAll('input[name="csrf_token"]')) input.value = token;
});

function busy(xhr, element, target, submitter) {
  const quiet = element.hasAttribute("data-quiet");
  const entry = { target, submitter, close: null, timer: 0 };
  if (!quiet) {
    target?.setAttribute("aria-busy", "true");
    submitter?.setAttribute("aria-busy", "true");
    root.dataset.busy = "";
    entry.timer = setTimeout(() => {
      target?.classList.add("is-slow");
      entry.close = toast(text("Slow"), { keep: true, actions: [[text("Cancel"), () => xhr.abort()]] });
    }, SLOW_MS);
  }
  underWay.set(xhr, entry);
}

function rest(xhr) {
  const entry = underWay.get(xhr);
  if (!entry) return;
  clearTimeout(entry.timer);
  entry.close?.();
  entry.target?.removeAttribute("aria-busy");
  entry.target?.classList.remove("is-slow");
  entry.submitter?.removeAttribute("aria-busy");
  underWay.delete(xhr);
  if (underWay.size === 0) delete root.dataset.busy;
}

document.addEventListener("htmx:beforeSend", ({ detail }) => {
  const submitter = detail.requestConfig.triggeringEvent?.submitter ?? (detail.elt.matches("button") ? detail.elt : null);
  busy(detail.xhr, detail.elt, detail.target, submitter);
});
document.addEventListener("htmx:afterRequest", ({ detail }) => rest(detail.xhr));

function failed({ detail }, words) {
  const { verb, path } = detail.requestConfig ?? {};
  const id = detail.xhr?.getResponseHeader?.("X-Request-ID");
  const again = () => globalThis.htmx.ajax("GET", path, { source: detail.elt, target: detail.target });
  toast(words, {
    keep: true,
    small: id ? `${text("Request")} ${id}` : "",
    actions: [...(verb === "get" ? [[text("Retry"), again]] : []), [text("Close"), () => {}]],
  });
}

document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401) {
    location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
    return;
  }
  const words = { 403: text("Denied"), 404: text("Gone"), 410: text("Gone"), 429: text("Limited") }[status];
  failed(event, words ?? text("Failed"));
});
document.addEventListener("htmx:sendError", (event) => failed(event, text("Offline")));
document.addEventListener("htmx:timeout", (event) => failed(event, text("Offline")));

// ---- attention follows the answer ---------------------------------------------------------------------------------------
// Where focus was must not be lost; where the answer asks for it ([data-focus]) it goes; otherwise only words are spoken.
let held = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const active = document.activeElement;
  held = detail.target?.contains(active) ? active.id || true : null;
});
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const region = detail.elt?.isConnected ? detail.elt : document.body;
  const asked = region.matches("[data-focus]") ? region : region.querySelector("[data-focus]");
  if (asked) asked.focus();
  else if (held && !document.body.contains(document.activeElement?.closest("main, dialog"))) {
    const back = typeof held === "string" && document.getElementById(held);
    (back || region.querySelector("h1, h2, [tabindex='-1']"))?.focus({ preventScroll: true });
  }
  held = null;
  const words = region.matches("[data-announce]") ? region : region.querySelector("[data-announce]");
  if (words) announce(words.dataset.announce || words.textContent.trim());
});

// ---- small conveniences -------------------------------------------------------------------------------------------------
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
  const remember = event.target.dataset?.remember;
  if (remember) {
    const label = event.target.nextElementSibling?.textContent;
    try { localStorage.setItem("choice:" + remember.replace(/\d+$/, ""), label); } catch { /* storage may be closed */ }
  }
});

document.addEventListener("click", (event) => {
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) {
    const input = document.getElementById(reveal.dataset.reveal);
    const shown = input.type === "text";
    input.type = shown ? "password" : "text";
    reveal.setAttribute("aria-pressed", String(!shown));
    reveal.textContent = shown ? reveal.dataset.show : reveal.dataset.hide;
    input.focus();
  }
  const jump = event.target.closest(".error-summary a");
  if (jump) {
    const field = document.getElementById(jump.hash.slice(1));
    if (field) (event.preventDefault(), field.focus(), field.scrollIntoView({ block: "center" }));
  }
  for (const open of document.querySelectorAll("details[data-drop][open], details.tip[open]"))
    if (!open.contains(event.target)) open.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest("details[data-drop][open], details.tip[open]");
  if (open) (open.open = false, open.querySelector("summary").focus());
});

// A plain form is sent once: the button says it is busy, a second press within the same send does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog" || form.matches("[hx-post], [hx-get], [hx-put], [hx-delete], [hx-patch]")) return;
  if (form.dataset.sent && form.method === "post") return void event.preventDefault();
  form.dataset.sent = "1";
  event.submitter?.setAttribute("aria-busy", "true");
  setTimeout(() => (delete form.dataset.sent, event.submitter?.removeAttribute("aria-busy")), 10000);
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("button[aria-busy]:not([data-shown-busy])")) button.removeAttribute("aria-busy");
});

// Each <time> tells the reader's own clock beside UTC, and code samples open in the language chosen last.
function settle(region) {
  for (const time of region.querySelectorAll("time[datetime]:not([data-local])")) {
    const at = new Date(time.dateTime);
    if (!time.dateTime.includes("T") || Number.isNaN(at.valueOf())) continue;
    time.dataset.local = "";
    time.title = `${at.toLocaleString(root.lang, { dateStyle: "medium", timeStyle: "long" })} · ${time.title || at.toISOString()}`;
  }
  for (const choice of region.querySelectorAll("input[data-remember]")) {
    let wanted = null;
    try { wanted = localStorage.getItem("choice:" + choice.dataset.remember.replace(/\d+$/, "")); } catch { /* storage may be closed */ }
    if (wanted && choice.nextElementSibling?.textContent === wanted) choice.checked = true;
  }
}
// A row of tabs that is wider than the screen opens at the one the person is on.
function showCurrentTab(region) {
  for (const here of region.querySelectorAll(".tab-links [aria-current]")) {
    const row = here.parentElement;
    row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
  }
}
document.addEventListener("htmx:load", (event) => (settle(event.detail.elt), showCurrentTab(event.detail.elt)));
settle(document);
showCurrentTab(document);
document.querySelector("main [data-focus]")?.focus();
