// The cards of a turn: what they show, and what becomes of a click.

const ANSWER_WITHIN_MS = 20000;
const lightbox = element.querySelector(".tm-lightbox");
const waiting = new Map();  // "turn item" -> {choice, answered, timer}: clicks whose answer is not here yet

// --- a card -------------------------------------------------------------------------------------------------

function showCard(turn, card, shown) {
  if (!shown.cards.has(card.item_id)) {
    const made = makeCard(turn, card);
    shown.cards.set(card.item_id, made);
    shown.parts.cards.append(made.node);
  }
  const made = shown.cards.get(card.item_id);
  made.why.classList.toggle("tm-writing", !card.reason);
  made.why.classList.toggle("tm-growing", Boolean(card.reason && turn.stage));
  made.reason.textContent = card.reason || word("writing");
  if (card.reason && !turn.stage) showWriter(card, made.source);
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
  const why = make("div", "tm-why");
  const reason = make("p", "tm-reason");
  const source = make("p", "tm-source");
  reason.dir = "auto";
  why.append(reason, source);
  const mark = makeMark(turn, card);
  const heading = make("div", "tm-heading");
  heading.append(title);
  if (card.detail) heading.append(make("p", "tm-detail", card.detail));
  const known = make("div", "tm-known");
  if (card.evidence.length) known.append(makeChips(card));
  if (card.found_by) known.append(make("p", "tm-found", say(card.found_by)));
  body.append(heading, why, known, mark.row);
  article.append(makePicture(card), body);
  node.append(article);
  return { node, why, reason, source, ...mark };
}

function showWriter(card, source) {
  const writer = card.written_by_model ? "written_model" : "written_evidence";
  source.textContent = word(writer);
  source.title = word(`${writer}_why`);
}

function makePicture(card) {
  const address = pictureAddress("card", card.picture);
  if (!address) {
    const empty = make("div", "tm-picture tm-nothing", Array.from(card.title)[0] || "?");
    empty.setAttribute("aria-hidden", "true");
    return empty;
  }
  const open = makeButton("tm-picture", "", () => showLarge(card));
  open.setAttribute("aria-label", word("show_large", { title: card.title }));
  const image = make("img");
  image.src = address;
  image.alt = "";
  image.loading = "lazy";
  open.style.setProperty("--picture", `url("${address}")`);
  image.addEventListener("error", () => open.classList.add("tm-broken"));
  open.append(image);
  return open;
}

function makeChips(card) {
  const chips = make("ul", "tm-chips");
  chips.setAttribute("aria-label", word("evidence"));
  card.evidence.forEach((fact) => {
    const chip = make("li", fact.yours ? "tm-yours" : "", fact.text);
    chip.dir = "auto";
    chip.title = fact.yours ? word("yours", { text: fact.title || fact.text }) : fact.text;
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

// --- what can be pressed on a card ---------------------------------------------------------------------------

function makeMark(turn, card) {
  const row = make("div", "tm-marks");
  const buttons = {};
  ["like", "dislike"].forEach((choice) => {
    buttons[choice] = makeAction(card, choice, `tm-mark tm-${choice}`, () => click(turn.id, card.item_id, choice));
  });
  const said = make("p", "tm-saved");
  said.setAttribute("role", "status");
  const one = { turn_id: turn.id, item_id: card.item_id };
  const more = make("div", "tm-more");
  const compare = makeAction(card, "compare", "tm-act", () => pick(one, compare));
  compare.setAttribute("aria-pressed", "false");
  more.append(
    makeAction(card, "similar", "tm-act", () => trigger("ask", { kind: "similar", ...one })),
    compare,
    makeAction(card, "why", "tm-act", () => trigger("ask", { kind: "why", ...one })),
  );
  row.append(buttons.like, buttons.dislike, said, more);
  return { row, buttons, said, card };
}

function makeAction(card, action, className, onPress) {
  const button = makeButton(className, "", onPress);
  if (ICONS[action]) button.append(icon(action));
  button.append(make("span", "", word(action)));
  button.setAttribute("aria-label", word("of_card", { action: word(action), title: card.title }));
  return button;
}

// The first press picks one of a pair, the second press on another card asks for the comparison.
let picked = null;

function pick(one, button) {
  const first = picked;
  putDown();
  if (first && first.button === button) return;
  if (first) {
    trigger("ask", { kind: "compare", pair: [first.one, one] });
    return;
  }
  picked = { one, button };
  button.setAttribute("aria-pressed", "true");
  announcer.textContent = button.title = word("compare_pick");
}

function putDown() {
  if (!picked) return;
  picked.button.setAttribute("aria-pressed", "false");
  picked.button.title = "";
  picked = null;
}

function click(turnId, itemId, pressed) {
  const key = `${turnId} ${itemId}`;
  const made = turns.get(turnId).cards.get(itemId);
  const before = waiting.get(key);
  const standing = before ? before.choice : made.card.choice;
  const choice = standing === pressed ? null : pressed;
  if (before) clearTimeout(before.timer);
  const clicks = (before ? before.clicks : 0) + 1;
  const answered = before ? before.answered : made.card.answered;
  const timer = setTimeout(() => giveUp(turnId, itemId, { key: "no_answer" }), ANSWER_WITHIN_MS);
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
  const standing = open ? open.choice : card.choice;
  Object.entries(made.buttons).forEach(([name, button]) => {
    button.setAttribute("aria-pressed", name === standing ? "true" : "false");
    button.title = !standing ? "" : word(standing === name ? "change_same" : `change_${standing}_${name}`);
  });
  made.row.classList.toggle("tm-waiting", Boolean(open));
  made.row.classList.toggle("tm-unsaved", Boolean(card.error && !open));
  made.said.textContent = open ? word("saving") : card.error ? word("not_saved", { problem: card.error }) : savedText(card);
}

function savedText(card) {
  if (card.choice) return word(`saved_${card.choice}`);
  return card.answered ? word("taken_back") : "";
}

lightbox.setAttribute("aria-label", word("picture"));
lightbox.querySelector("button").setAttribute("aria-label", word("close"));
lightbox.addEventListener("click", (event) => {
  if (event.target === lightbox || event.target.closest("button")) lightbox.close();
});
