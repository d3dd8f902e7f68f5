// Keys for those who like them: "/" search, "?" the sheet, "g" then a letter goes somewhere. Never while typing.
const sheet = document.getElementById("shortcuts");
let leader = 0;

const typing = (element) =>
  element?.isContentEditable || ["TEXTAREA", "SELECT"].includes(element?.tagName) ||
  (element?.tagName === "INPUT" && !["checkbox", "radio", "button", "submit"].includes(element.type));

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) (event.preventDefault(), search.focus(), search.select());
  } else if (event.key === "?") {
    event.preventDefault();
    sheet?.showModal();
  } else if (event.key === "g") {
    leader = event.timeStamp;
  } else if (leader && event.timeStamp - leader < 1500) {
    const place = sheet?.querySelector(`[data-go="${CSS.escape(event.key)}"]`)?.dataset.place;
    leader = 0;
    if (place) (event.preventDefault(), location.assign(place));
  } else leader = 0;
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-shortcuts]")) sheet?.showModal();
  else if (event.target.matches("dialog.dialog")) event.target.close();
});
