// An attribute on the sheet of filters: values to tick, or from and to. dom.js stands before this.
//
// Each part has its node, `read`, which gives what is picked of it, and `write`, which shows what is. onPick is called
// when a person has picked something.

const FEW_VALUES = 8;  // and two more, where these are all
const MANY_VALUES = 20;

function makePart(attribute, onPick) {
  const node = make("fieldset", "tm-attribute");
  const legend = make("legend", "", attribute.label);
  legend.dir = "auto";
  node.append(legend);
  const fill = attribute.kind === "values" ? fillValues : fillBounds;
  return { name: attribute.name, node, ...fill(node, attribute, onPick) };
}

// --- values -------------------------------------------------------------------------------------------------

function fillValues(node, attribute, onPick) {
  const options = attribute.options.map((option) => makeOption(option, onPick));
  const list = make("div", "tm-options");
  list.append(...options.map((option) => option.node));
  const arrange = makeShelf(node, list, options, attribute.label);
  if (attribute.rarer) {
    node.append(make("p", "tm-who", word("filters_rarer", { count: attribute.rarer.toLocaleString() })));
  }
  return {
    read: () => ({ values: options.filter((option) => option.box.checked).map((option) => option.value), bounds: {} }),
    write: (pick) => {
      options.forEach((option) => { option.box.checked = pick.values.includes(option.value); });
      arrange();
    },
  };
}

function makeOption(option, onPick) {
  const node = make("label", "tm-option");
  const box = make("input");
  box.type = "checkbox";
  box.addEventListener("change", onPick);
  box.addEventListener("keydown", (event) => { if (event.key === "Enter") box.click(); });
  const text = make("span", "", option.label);
  text.dir = "auto";
  node.append(box, text, " ", make("small", "", option.count.toLocaleString()));
  return { node, box, ...option };
}

// Which options are in sight: a few, those that are or were picked, all on demand; or those that are searched for.
function makeShelf(node, list, options, label) {
  let all = options.length <= FEW_VALUES + 2;
  let sought = "";
  const unfound = make("p", "tm-who", word("filters_no_match"));
  const more = makeButton("tm-act", word("filters_all", { count: String(options.length) }), () => {
    const first = options.find((option) => option.node.hidden);
    all = true;
    arrange();
    first.box.focus();
  });
  function arrange() {
    options.forEach((option, place) => {
      option.kept ||= option.box.checked;
      const found = sought ? option.label.toLowerCase().includes(sought) : all || place < FEW_VALUES || option.kept;
      option.node.hidden = !found;
    });
    more.hidden = Boolean(sought) || options.every((option) => !option.node.hidden);
    unfound.hidden = options.some((option) => !option.node.hidden);
  }
  if (options.length > MANY_VALUES) {
    node.append(makeSearch(label, (text) => {
      sought = text;
      arrange();
    }));
  }
  node.append(list, unfound, more);
  return arrange;
}

function makeSearch(label, onText) {
  const field = make("input", "tm-search");
  field.type = "search";
  field.placeholder = word("filters_search", { name: label });
  field.setAttribute("aria-label", field.placeholder);
  field.addEventListener("input", () => onText(field.value.trim().toLowerCase()));
  return field;
}

// --- from and to --------------------------------------------------------------------------------------------

function fillBounds(node, attribute, onPick) {
  const ends = [
    makeEnd(attribute, attribute.least, { ">=": "filters_from", ">": "filters_above" }, onPick),
    makeEnd(attribute, attribute.greatest, { "<=": "filters_to", "<": "filters_below" }, onPick),
  ];
  const row = make("div", "tm-bounds");
  row.append(...ends.map((end) => end.node));
  node.append(row);
  if (attribute.kind === "date") node.append(make("p", "tm-who", word("filters_span", attribute)));
  return {
    read: () => ({ values: [], bounds: Object.assign({}, ...ends.map((end) => end.read())) }),
    write: (pick) => ends.forEach((end) => end.write(pick.bounds)),
  };
}

// names: of the field, by its sign. A typed filter may leave the bound itself out, and does so until another is given.
function makeEnd(attribute, limit, names, onPick) {
  const [closed] = Object.keys(names);
  let sign = closed;
  const node = make("label");
  const text = make("span");
  const field = make("input");
  field.type = attribute.kind;
  if (attribute.kind === "date") [field.min, field.max] = [attribute.least, attribute.greatest];
  else [field.step, field.placeholder] = ["any", limit];
  node.append(text, field);
  const write = (bounds) => {
    sign = Object.keys(names).find((each) => each in bounds) || closed;
    field.value = bounds[sign] ?? "";
    text.textContent = word(names[sign]);
  };
  field.addEventListener("change", () => {
    write(field.value ? { [closed]: field.value } : {});
    onPick();
  });
  return { node, write, read: () => (field.value ? { [sign]: field.value } : {}) };
}
