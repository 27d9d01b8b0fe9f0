// A sheet beside the conversation, and the buttons that open it. dom.js stands before this.

const sheet = element.querySelector(".tm-sheet");
const pages = sheet.querySelector(".tm-pages");
const note = sheet.querySelector(".tm-note");

function makeOpener(text, title, onPress) {
  const button = makeButton("tm-opener", text, onPress);
  button.setAttribute("aria-haspopup", "dialog");
  button.title = title;
  element.querySelector(".tm-openers").append(button);
  return button;
}

// Empty, until the server has said what is on it.
function openSheet(title) {
  sheet.setAttribute("aria-label", title);
  sheet.querySelector("h2").textContent = title;
  pages.replaceChildren(make("p", "tm-empty", word("one_moment")));
  setText(note, "");
  sheet.showModal();
}

sheet.querySelector("header button").setAttribute("aria-label", word("close"));
sheet.addEventListener("click", (event) => {
  if (event.target === sheet || event.target.closest("header button")) sheet.close();
});
