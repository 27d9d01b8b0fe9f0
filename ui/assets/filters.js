// The sheet where people pick what to filter by. dom.js, sheet.js and attributes.js stand before this.
//
// What counts is the filter in the box. Each change sends all that is picked, and the server answers with what it makes
// of it, or refuses, and then what was picked before is shown again. One event is under way at a time, so that no answer
// undoes a newer one.

const ANSWER_WITHIN_MS = 20000;
const NOTHING = { values: [], bounds: {} };

let parts = [];      // one for each attribute
let picks = [];      // as the server told them last; null where it is a filter that cannot be shown
let waiting = null;  // timer of the event that is under way
let next = "";       // the event that comes after it

function send(event) {
  if (waiting) {
    next = event;
    return;
  }
  waiting = setTimeout(() => take({ note: { key: "no_answer" } }), ANSWER_WITHIN_MS);
  if (event === "offer") trigger("offer");
  else trigger("pick", { picks: parts.map((part) => ({ name: part.name, ...part.read() })) });
}

function take(answer) {
  clearTimeout(waiting);
  waiting = null;
  const event = next;
  next = "";
  if (event) send(event);
  else show(answer);
}

function show(answer) {
  setText(note, say(answer.note));
  if (answer.attributes) {
    parts = answer.attributes.map((attribute) => makePart(attribute, () => send("pick")));
    const nodes = parts.map((part) => part.node);
    pages.replaceChildren(...(nodes.length ? nodes : [make("p", "tm-empty", word("filters_none"))]));
  }
  if (answer.picks !== undefined) {
    picks = answer.picks;
    setText(through, say(answer.count));
    clear.disabled = picks !== null && !picks.length;
  } else if (!parts.length) {
    pages.replaceChildren();
  }
  pages.hidden = picks === null;
  // What was just picked is there already, and a field may hold what is being typed.
  if (answer.picks && !answer.attributes) return;
  parts.forEach((part) => part.write((picks || []).find((pick) => pick.name === part.name) || NOTHING));
}

// --- the button, and the foot of the sheet ------------------------------------------------------------------

const opener = makeOpener(word("filters"), word("filters_title"), () => {
  openSheet(word("filters"));
  [parts, picks, pages.hidden, clear.disabled] = [[], [], false, true];
  setText(through, "");
  send("offer");
});
const foot = make("footer");
const through = make("p", "tm-through");
through.setAttribute("role", "status");
const done = makeButton("tm-back tm-sure", word("filters_done"), () => sheet.close());
const clear = makeButton("tm-back", word("filters_clear"), () => {
  parts.forEach((part) => part.write(NOTHING));
  send("pick");
  done.focus();
});
foot.append(through, clear, done);
sheet.append(foot);

// The text in the box was typed by hand: the server tells the button on how much it filters.
function follow(event) {
  if (event.target.matches("#tm-where input") && (event.key || "Enter") === "Enter") trigger("typed");
}

document.addEventListener("change", follow);
document.addEventListener("keydown", follow);
watch("value", () => take(props.value));
watch("filtered", () => {
  opener.textContent = props.filtered ? word("filters_on", { count: String(props.filtered) }) : word("filters");
});
