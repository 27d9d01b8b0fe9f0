// Two sheets beside the conversation: earlier chats, and what is known about the person. dom.js and sheet.js stand
// before this.
//
// The browser keeps the ids of the chats that it has seen as long as its tab is open; who knows an id may read the chat.

const CHATS_KEY = "tastemaker-chats";

function seenChats() {
  try {
    return JSON.parse(sessionStorage.getItem(CHATS_KEY)) || [];
  } catch (error) {
    return [];  // Storage may be forbidden, or hold what is no list.
  }
}

function open(name) {
  sheet.dataset.sheet = name;
  openSheet(word(name === "chats" ? "chats" : "about_you"));
  trigger("look", { sheet: name, ids: name === "chats" ? seenChats() : [] });
}

function show(value) {
  if (!value || value.sheet !== sheet.dataset.sheet || !sheet.open) return;
  setText(note, say(value.note));
  // What is refused says so, and leaves what is shown.
  if (value.chats) pages.replaceChildren(...chatsPage(value.chats));
  else if (value.you) pages.replaceChildren(...youPage(value.you));
  else pages.querySelector(".tm-empty")?.remove();
  if (!sheet.contains(document.activeElement)) sheet.querySelector("header button").focus();
}

// --- earlier chats ------------------------------------------------------------------------------------------

function chatsPage(chats) {
  if (!chats.length) return [make("p", "tm-empty", word("no_chats"))];
  const list = make("ul", "tm-rows");
  chats.forEach((chat) => {
    const item = make("li");
    const button = makeButton("tm-row", say(chat.title), () => {
      sheet.close();
      trigger("reopen", { id: chat.id });
    });
    button.dir = "auto";
    item.append(button);
    list.append(item);
  });
  return [list];
}

// --- what is known ------------------------------------------------------------------------------------------

function youPage(you) {
  const parts = [make("p", "tm-who", word("as_user", { user: you.user_id }))];
  parts.push(...itemsPart("known_likes", you.likes, true), ...itemsPart("known_dislikes", you.dislikes, true));
  if (you.said.length) {
    const list = make("ul", "tm-rows");
    you.said.forEach((told) => {
      list.append(makeRow(told.text, null, { attribute: told.attribute, value: told.value }));
    });
    parts.push(make("h3", "", word("known_said")), list);
  }
  parts.push(...itemsPart("known_wanted", you.wanted, false));
  if (parts.length === 1) return [...parts, make("p", "tm-empty", word("known_nothing"))];
  return [...parts, forgetPart()];
}

function itemsPart(heading, items, mine) {
  if (!items.length) return [];
  const list = make("ul", "tm-rows");
  items.forEach((item) => list.append(makeRow(item.title, item, mine ? { item_id: item.item_id } : null)));
  return [make("h3", "", word(heading)), list];
}

function makeRow(title, item, back) {
  const row = make("li", "tm-row");
  const address = item && pictureAddress("card", item.picture);
  if (address) {
    const image = make("img");
    image.src = address;
    image.alt = "";
    image.loading = "lazy";
    image.addEventListener("error", () => image.remove());
    row.append(image);
  }
  const text = make("span", "", title);
  text.dir = "auto";
  row.append(text);
  if (!back) return row;
  const button = makeButton("tm-back", word("take_back"), () => trigger("retract", back));
  button.setAttribute("aria-label", word("of_card", { action: word("take_back"), title }));
  row.append(button);
  return row;
}

function forgetPart() {
  const part = make("div", "tm-forget");
  const ask = makeButton("tm-back", word("forget"), () => {
    const sure = makeButton("tm-back tm-sure", word("forget_yes"), () => {
      part.replaceChildren(make("p", "", word("one_moment")));
      trigger("forget");
    });
    const no = makeButton("tm-back", word("forget_no"), () => part.replaceWith(forgetPart()));
    part.replaceChildren(make("p", "", word("forget_sure")), sure, no);
    no.focus();
  });
  part.append(ask);
  return part;
}

// --- opening -----------------------------------------------------------------------------------------------

makeOpener(word("chats_short"), word("chats"), () => open("chats"));
makeOpener(word("about_you_short"), word("about_you"), () => open("you"));
watch("value", () => show(props.value));
