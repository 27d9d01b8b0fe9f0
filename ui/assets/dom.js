// Shared by the page's scripts: making elements, and saying things in the language of the browser.
//
// Every text of the catalogue, the model and the person is set with textContent or setAttribute on names that
// hold no code. Nothing in these scripts parses markup, and the only addresses built are /picture/SIZE/SHA.

const WORDS = props.words[/^zh/i.test(navigator.language) ? "zh" : "en"];

// A text as it is, a key of i18n.py with its arguments, or several of these.
function say(text) {
  if (text === null || text === undefined) return "";
  if (typeof text === "string") return text;
  if (Array.isArray(text)) return text.map(say).join(WORDS.comma);
  const named = text.args || {};
  return (WORDS[text.key] || "").replace(/\{(\w+)\}/g, (_, name) => say(named[name]));
}

function word(key, args) {
  return say({ key, args });
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function makeButton(className, text, onPress) {
  const button = make("button", className, text);
  button.type = "button";
  button.addEventListener("click", onPress);
  return button;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

const ICONS = {
  like: "M12 20.5 4.6 13a4.9 4.9 0 0 1 0-6.9 4.9 4.9 0 0 1 6.9 0l.5.5.5-.5a4.9 4.9 0 0 1 6.9 0 4.9 4.9 0 0 1 0 6.9Z",
  dislike: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM5.7 5.7l12.6 12.6",
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function pictureAddress(size, sha) {
  return /^[0-9a-f]{64}$/.test(sha || "") ? new URL(`picture/${size}/${sha}`, document.baseURI).href : null;
}

function calm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
