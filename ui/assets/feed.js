// The view of one conversation. Gradio gives: element (our root), props.value (the latest view from visits.py),
// watch, and trigger, which raises an event on the server. dom.js and cards.js stand before this.

const feed = element.querySelector(".tm-feed");
const welcome = element.querySelector(".tm-welcome");
const announcer = element.querySelector(".tm-announcer");
const turns = new Map();    // turn id -> {node, parts, cards}
let serial = 0;
let version = 0;

// --- a turn -------------------------------------------------------------------------------------------------

function makeTurn(turn) {
  const node = make("section", "tm-turn");
  const said = make("div", "tm-said");
  const bubble = make("div", "tm-bubble");
  const told = say(turn.said.text);
  if (told) {
    const words = make("p", "tm-words", told);
    words.dir = "auto";
    bubble.append(words);
  } else {
    bubble.classList.add("tm-wordless");
  }
  said.append(bubble);
  const about = make("p", "tm-about");
  about.append(make("span", "", word("as_user", { user: turn.said.user_id })));
  if (turn.said.where) about.append(make("code", "", turn.said.where));
  said.append(about);
  const parts = {
    notice: make("p", "tm-notice"),
    stage: make("p", "tm-stage"),
    answer: make("h2", "tm-answer"),
    speech: make("p", "tm-speech"),
    problem: make("p", "tm-problem"),
    table: make("div", "tm-table"),
    cards: make("ul", "tm-cards"),
    standing: make("div", "tm-standing"),
    footer: make("p", "tm-footer"),
  };
  [parts.answer, parts.speech].forEach((part) => { part.dir = "auto"; });
  parts.table.hidden = parts.cards.hidden = parts.standing.hidden = true;
  node.append(said, ...Object.values(parts));
  feed.append(node);
  return { node, parts, bubble, cards: new Map() };
}

// A person's own picture comes a moment after their words, when it has been decoded.
function showOwnPicture(turn, shown) {
  if (shown.own || !turn.said.picture || !turn.said.picture.startsWith("data:image/webp;base64,")) return;
  shown.own = make("img", "tm-own");
  shown.own.src = turn.said.picture;
  shown.own.alt = word("your_picture");
  shown.bubble.prepend(shown.own);
}

function showTurn(turn) {
  const isNew = !turns.has(turn.id);
  if (isNew) turns.set(turn.id, makeTurn(turn));
  const shown = turns.get(turn.id);
  const parts = shown.parts;
  shown.node.setAttribute("aria-busy", turn.stage ? "true" : "false");
  showOwnPicture(turn, shown);
  setText(parts.stage, say(turn.stage));
  setText(parts.answer, turn.answer);
  setText(parts.speech, turn.speech);
  setText(parts.problem, say(turn.problem));
  setText(parts.notice, turn.notice.map(say).join(" "));
  setText(parts.footer, turn.footer.map(say).join(" · "));
  turn.cards.forEach((card) => showCard(turn, card, shown));
  parts.cards.hidden = turn.cards.length === 0;
  parts.cards.classList.toggle("tm-unfinished", Boolean(turn.stage));
  if (turn.table && parts.table.hidden) showTable(turn.table, parts.table);
  // A table says the same as the words, to eyes; ears have the words.
  parts.speech.classList.toggle("tm-heard", Boolean(turn.table));
  showStanding(turn, parts.standing);
  announce(turn, shown);
  if (isNew) shown.node.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
}

function announce(turn, shown) {
  const answered = [say(turn.problem), turn.answer, turn.speech, ...turn.notice.map(say)];
  const sentence = turn.stage ? say(turn.stage) : answered.filter(Boolean).join(" ");
  if (shown.announced === sentence) return;
  shown.announced = sentence;
  announcer.textContent = sentence;
}

// --- what stands after a turn: only the last one's can be changed ---------------------------------------------

function showStanding(turn, bar) {
  const drawn = JSON.stringify([turn.chips, turn.offers, turn.undoable]);
  if (turn.stage || bar.dataset.drawn === drawn) return;
  bar.dataset.drawn = drawn;
  bar.replaceChildren();
  bar.hidden = !turn.chips.length && !turn.offers.length && !turn.undoable;
  if (turn.offers.length) bar.append(makeOffers(turn));
  const list = make("ul", "tm-wants");
  list.setAttribute("aria-label", word("standing"));
  turn.chips.forEach((chip) => list.append(makeWant(turn, chip)));
  if (turn.chips.length) bar.append(list);
  if (!turn.undoable) return;
  const undo = makeButton("tm-undo", "", () => trigger("ask", { kind: "undo" }));
  undo.append(icon("undo"), make("span", "", word("undo")));
  undo.setAttribute("aria-label", word("undo_long"));
  bar.append(undo);
}

function makeWant(turn, chip) {
  const want = make("li", "tm-want");
  const label = make("span", "", chip.label);
  label.dir = "auto";
  const remove = makeButton("", "✕", () => trigger("ask", { kind: "remove", turn_id: turn.id, key: chip.key }));
  remove.setAttribute("aria-label", word("take_out", { label: chip.label }));
  want.append(label, remove);
  return want;
}

function makeOffers(turn) {
  const list = make("ul", "tm-offers");
  list.setAttribute("aria-label", word("offers"));
  turn.offers.forEach((offer) => {
    const item = make("li");
    const button = makeButton("tm-offer", offer.label, () => trigger("ask", { kind: "choose", key: offer.key }));
    button.dir = "auto";
    item.append(button);
    list.append(item);
  });
  return list;
}

// --- two things side by side ----------------------------------------------------------------------------------

function showTable(table, place) {
  const drawn = make("table");
  const head = make("tr");
  head.append(make("td"));
  table.titles.forEach((title, number) => {
    const cell = make("th");
    cell.scope = "col";
    const address = pictureAddress("card", table.pictures[number]);
    if (address) {
      const image = make("img");
      image.src = address;
      image.alt = "";
      image.addEventListener("error", () => image.remove());
      cell.append(image);
    }
    const text = make("span", "", title);
    text.dir = "auto";
    cell.append(text);
    head.append(cell);
  });
  drawn.append(head);
  table.rows.forEach(([name, ...values]) => {
    const row = make("tr");
    const label = make("th", "", name);
    label.scope = "row";
    row.append(label);
    values.forEach((value) => {
      const cell = make("td", value ? "" : "tm-untold", value || word("not_told"));
      cell.dir = "auto";
      row.append(cell);
    });
    drawn.append(row);
  });
  place.append(drawn);
  place.hidden = false;
}

// --- the whole view -----------------------------------------------------------------------------------------

function show(view) {
  if (view?.invitation) welcome.querySelector("p").textContent = say(view.invitation);
  if (!view?.turns || view.serial < serial || (view.serial === serial && view.version <= version)) return;
  if (view.serial !== serial && turns.size) view.fresh ? forget() : startAnew();
  serial = view.serial;
  version = view.version;
  view.turns.forEach(showTurn);
  if (turns.size) remember(view.chat_id);
  if (view.refused) giveUp(view.refused.turn_id, view.refused.item_id, view.refused.error);
  welcome.hidden = turns.size > 0;
}

// The sheet of earlier chats asks for those that this tab has seen.
function remember(chatId) {
  try {
    const seen = JSON.parse(sessionStorage.getItem("tastemaker-chats")) || [];
    const others = seen.filter((id) => id !== chatId);
    sessionStorage.setItem("tastemaker-chats", JSON.stringify([...others, chatId].slice(-50)));
  } catch (error) {
    // Storage may be forbidden; there is then no way back to earlier chats.
  }
}

function forget() {
  turns.clear();
  feed.replaceChildren();
  waiting.forEach((open) => clearTimeout(open.timer));
  waiting.clear();
  putDown();
  announcer.textContent = "";
}

// The server was started again, or had too many chats: it does not know what this page still shows.
function startAnew() {
  feed.querySelectorAll(".tm-standing").forEach((bar) => bar.remove());
  feed.append(make("p", "tm-anew", word("started_anew")));
}

function showWelcome() {
  welcome.setAttribute("aria-label", word("welcome"));
  welcome.querySelector("h1").textContent = word("headline");
  welcome.querySelector("p").textContent = say(props.welcome.invitation);
  const examples = welcome.querySelector("ul");
  examples.setAttribute("aria-label", word("examples"));
  props.welcome.examples.forEach((text, number) => {
    const button = makeButton("", say(text), () => trigger("example", { number }));
    button.dir = "auto";
    const item = make("li");
    item.append(button);
    examples.append(item);
  });
}

// Gradio leaves its multimodal text field without a name for screen readers, and its dropdown without a placeholder.
function nameTheFields() {
  const wish = document.querySelector("#tm-wish textarea");
  const user = document.querySelector("#tm-user input");
  const where = document.querySelector("#tm-where input");
  if (!wish || !where || !(user || props.welcome.login)) {
    requestAnimationFrame(nameTheFields);
    return;
  }
  wish.setAttribute("aria-label", word("your_wish"));
  if (user) user.placeholder = word("a_guest");
  where.placeholder = say(props.welcome.filter_hint);
  where.title = say(props.welcome.filter_on);
}

feed.setAttribute("aria-label", word("conversation"));
nameTheFields();
watch("value", () => show(props.value));
showWelcome();
show(props.value);
