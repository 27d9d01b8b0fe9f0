// The view of one conversation. Gradio gives: element (our root), props.value (the latest view from chats.py),
// watch, and trigger, which raises an event on the server.
//
// Every text of the catalogue, the model and the person is set with textContent or setAttribute on names that
// hold no code. Nothing in this file parses markup, and the only addresses built here are /picture/SIZE/SHA.

const feed = element.querySelector(".tm-feed");
const welcome = element.querySelector(".tm-welcome");
const lightbox = element.querySelector(".tm-lightbox");
const announcer = element.querySelector(".tm-announcer");
const ANSWER_WITHIN_MS = 20000;
const NO_ANSWER = "The server did not answer. Please try again.";
const ICONS = {
  like: "M12 20.5 4.6 13a4.9 4.9 0 0 1 0-6.9 4.9 4.9 0 0 1 6.9 0l.5.5.5-.5a4.9 4.9 0 0 1 6.9 0 4.9 4.9 0 0 1 0 6.9Z",
  dislike: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM5.7 5.7l12.6 12.6",
};

// What a button does once a choice is logged: by the choice that stands, then by the button.
const CHANGE = {
  like: {
    like: "Logged for good. To change your mind, press Not for me: the latest choice counts.",
    dislike: "Replaces your like: the latest choice counts.",
  },
  dislike: {
    like: "Replaces your Not for me: the latest choice counts.",
    dislike: "Logged for good. To change your mind, press Like: the latest choice counts.",
  },
};

const WRITTEN_BY = {
  model: ["Written by the model", "The language model wrote this reason; what it names was checked against the catalogue."],
  evidence: ["Plain evidence", "This reason is the evidence itself, put into words without the language model."],
};

const turns = new Map();    // turn id -> {node, parts, cards}
const waiting = new Map();  // "turn item" -> {choice, answered, timer}: clicks whose answer is not here yet
let serial = 0;
let version = 0;

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

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

// --- a turn -------------------------------------------------------------------------------------------------

function makeTurn(turn) {
  const node = make("section", "tm-turn");
  const said = make("div", "tm-said");
  const bubble = make("div", "tm-bubble");
  if (turn.said.text) {
    const words = make("p", "tm-words", turn.said.text);
    words.dir = "auto";
    bubble.append(words);
  } else {
    bubble.classList.add("tm-wordless");
  }
  said.append(bubble);
  const about = make("p", "tm-about");
  about.append(make("span", "", `as ${turn.said.user_id}`));
  if (turn.said.where) about.append(make("code", "", turn.said.where));
  said.append(about);
  const parts = {
    stage: make("p", "tm-stage"),
    answer: make("h2", "tm-answer"),
    problem: make("p", "tm-problem"),
    notice: make("p", "tm-notice"),
    cards: make("ul", "tm-cards"),
    footer: make("p", "tm-footer"),
  };
  parts.cards.hidden = true;
  node.append(said, ...Object.values(parts));
  feed.append(node);
  return { node, parts, bubble, cards: new Map() };
}

// A person's own picture comes a moment after their words, when it has been decoded.
function showOwnPicture(turn, shown) {
  if (shown.own || !turn.said.picture || !turn.said.picture.startsWith("data:image/webp;base64,")) return;
  shown.own = make("img", "tm-own");
  shown.own.src = turn.said.picture;
  shown.own.alt = "Your picture";
  shown.bubble.prepend(shown.own);
}

function showTurn(turn) {
  const isNew = !turns.has(turn.id);
  if (isNew) turns.set(turn.id, makeTurn(turn));
  const shown = turns.get(turn.id);
  const parts = shown.parts;
  shown.node.setAttribute("aria-busy", turn.stage ? "true" : "false");
  showOwnPicture(turn, shown);
  setText(parts.stage, turn.stage || "");
  setText(parts.answer, turn.answer);
  setText(parts.problem, turn.problem || "");
  setText(parts.notice, turn.notice || "");
  setText(parts.footer, turn.footer);
  turn.cards.forEach((card) => showCard(turn, card, shown));
  parts.cards.hidden = turn.cards.length === 0;
  announce(turn, shown);
  if (isNew) shown.node.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
}

function announce(turn, shown) {
  const sentence = [turn.stage || turn.problem || turn.answer, turn.stage ? "" : turn.notice].filter(Boolean).join(" ");
  if (shown.announced === sentence) return;
  shown.announced = sentence;
  announcer.textContent = sentence;
}

function calm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

// --- a card -------------------------------------------------------------------------------------------------

function showCard(turn, card, shown) {
  if (!shown.cards.has(card.item_id)) {
    const made = makeCard(turn, card);
    shown.cards.set(card.item_id, made);
    shown.parts.cards.append(made.node);
  }
  const made = shown.cards.get(card.item_id);
  setText(made.reason, card.reason);
  settle(turn, card);
  showMark(turn, card, made);
}

function makeCard(turn, card) {
  const node = make("li", "tm-card");
  const article = make("article");
  const title = make("h3", "tm-title", card.title);
  title.dir = "auto";
  title.id = `tm-${turn.id}-${turn.cards.indexOf(card)}`;
  article.setAttribute("aria-labelledby", title.id);
  const body = make("div", "tm-body");
  const reason = make("p", "tm-reason", card.reason);
  reason.dir = "auto";
  const mark = makeMark(turn, card);
  const heading = make("div", "tm-heading");
  heading.append(title);
  if (card.detail) heading.append(make("p", "tm-detail", card.detail));
  body.append(heading, makeReason(card, reason), mark.row);
  const known = make("div", "tm-known");
  if (card.evidence.length) known.append(makeChips(card));
  if (card.found_by) known.append(make("p", "tm-found", card.found_by));
  body.append(known);
  article.append(makePicture(card), body);
  node.append(article);
  return { node, reason, ...mark };
}

function makeReason(card, reason) {
  const block = make("div", "tm-why");
  const [words, meaning] = WRITTEN_BY[card.written_by_model ? "model" : "evidence"];
  const source = make("p", "tm-source", words);
  source.title = meaning;
  block.append(reason, source);
  return block;
}

function makePicture(card) {
  const address = pictureAddress("card", card.picture);
  if (!address) {
    const empty = make("div", "tm-picture tm-nothing", Array.from(card.title)[0] || "?");
    empty.setAttribute("aria-hidden", "true");
    return empty;
  }
  const open = make("button", "tm-picture");
  open.type = "button";
  open.setAttribute("aria-label", `Show the picture of ${card.title} large`);
  const image = make("img");
  image.src = address;
  image.alt = "";
  image.loading = "lazy";
  open.style.setProperty("--picture", `url("${address}")`);
  image.addEventListener("error", () => open.classList.add("tm-broken"));
  open.append(image);
  open.addEventListener("click", () => showLarge(card));
  return open;
}

function makeChips(card) {
  const chips = make("ul", "tm-chips");
  chips.setAttribute("aria-label", "Evidence");
  card.evidence.forEach((text) => {
    const chip = make("li", "", text);
    chip.dir = "auto";
    chip.title = text;
    chips.append(chip);
  });
  return chips;
}

function showLarge(card) {
  const image = lightbox.querySelector("img");
  image.src = pictureAddress("large", card.picture);
  image.alt = card.title;
  lightbox.querySelector("p").textContent = card.title;
  lightbox.showModal();
}

// --- like, not for me ---------------------------------------------------------------------------------------

function makeMark(turn, card) {
  const row = make("div", "tm-marks");
  const buttons = {};
  [["like", "Like"], ["dislike", "Not for me"]].forEach(([choice, words]) => {
    const button = make("button", `tm-mark tm-${choice}`);
    button.type = "button";
    button.append(icon(choice), make("span", "", words));
    button.setAttribute("aria-label", `${words}: ${card.title}`);
    button.addEventListener("click", () => click(turn.id, card.item_id, choice));
    buttons[choice] = button;
    row.append(button);
  });
  const said = make("p", "tm-saved");
  said.setAttribute("role", "status");
  row.append(said);
  return { row, buttons, said, card };
}

function click(turnId, itemId, choice) {
  const key = `${turnId} ${itemId}`;
  const made = turns.get(turnId).cards.get(itemId);
  const before = waiting.get(key);
  const standing = before ? before.choice : made.card.error ? null : made.card.choice;
  if (standing === choice) return; // the log only grows: a choice is replaced by the other one, not taken back
  if (before) clearTimeout(before.timer);
  const clicks = (before ? before.clicks : 0) + 1;
  const answered = before ? before.answered : made.card.answered;
  const timer = setTimeout(() => giveUp(turnId, itemId, NO_ANSWER), ANSWER_WITHIN_MS);
  waiting.set(key, { choice, clicks, answered, timer });
  showMark({ id: turnId }, made.card, made);
  trigger("feedback", { turn_id: turnId, item_id: itemId, choice });
}

// A click is settled once the server has answered as many clicks as were made since the first unanswered one.
function settle(turn, card) {
  const key = `${turn.id} ${card.item_id}`;
  turns.get(turn.id).cards.get(card.item_id).card = card;
  const open = waiting.get(key);
  if (open && card.answered >= open.answered + open.clicks) {
    clearTimeout(open.timer);
    waiting.delete(key);
  }
}

function giveUp(turnId, itemId, error) {
  clearTimeout(waiting.get(`${turnId} ${itemId}`)?.timer);
  waiting.delete(`${turnId} ${itemId}`);
  const made = turns.get(turnId)?.cards.get(itemId);
  if (!made) return;
  made.card = { ...made.card, error };
  showMark({ id: turnId }, made.card, made);
}

function showMark(turn, card, made) {
  const open = waiting.get(`${turn.id} ${card.item_id}`);
  const choice = open ? open.choice : card.choice;
  const standing = card.error && !open ? null : choice;
  Object.entries(made.buttons).forEach(([name, button]) => {
    button.setAttribute("aria-pressed", name === standing ? "true" : "false");
    button.title = standing ? CHANGE[standing][name] : "";
  });
  made.row.classList.toggle("tm-waiting", Boolean(open));
  made.row.classList.toggle("tm-unsaved", Boolean(card.error && !open));
  made.said.textContent = open ? "Saving…" : card.error ? `Not saved. ${card.error}` : savedText(card.choice);
}

function savedText(choice) {
  return { like: "Saved to your likes", dislike: "Saved: not for you" }[choice] || "";
}

// --- the whole view -----------------------------------------------------------------------------------------

function show(view) {
  if (view?.invitation) welcome.querySelector("p").textContent = view.invitation;
  if (!view?.turns || view.serial < serial || (view.serial === serial && view.version <= version)) return;
  if (view.serial !== serial && view.fresh) {
    turns.clear();
    feed.replaceChildren();
    waiting.forEach((open) => clearTimeout(open.timer));
    waiting.clear();
    announcer.textContent = "";
  }
  serial = view.serial;
  version = view.version;
  view.turns.forEach(showTurn);
  if (view.refused) giveUp(view.refused.turn_id, view.refused.item_id, view.refused.error);
  welcome.hidden = turns.size > 0;
}

function showWelcome() {
  welcome.querySelector("h1").textContent = props.welcome.headline;
  welcome.querySelector("p").textContent = props.welcome.invitation;
  const examples = welcome.querySelector("ul");
  props.welcome.examples.forEach((text, number) => {
    const button = make("button", "", text);
    button.type = "button";
    button.dir = "auto";
    button.addEventListener("click", () => trigger("example", { number }));
    const item = make("li");
    item.append(button);
    examples.append(item);
  });
}

lightbox.addEventListener("click", (event) => {
  if (event.target === lightbox || event.target.closest("button")) lightbox.close();
});
// Gradio leaves its multimodal text field without a name for screen readers, and its dropdown without a placeholder.
function nameTheFields() {
  const wish = document.querySelector("#tm-wish textarea");
  const user = document.querySelector("#tm-user input");
  const where = document.querySelector("#tm-where input");
  if (!wish || !user || !where) {
    requestAnimationFrame(nameTheFields);
    return;
  }
  wish.setAttribute("aria-label", "Your wish");
  user.placeholder = "a guest";
  where.title = props.welcome.filter_on;
}

nameTheFields();
watch("value", () => show(props.value));
showWelcome();
show(props.value);
