// Light or dark: what the person chose last, else what the system prefers (which Gradio follows by itself).
const KEY = "tastemaker-shade";
const root = document.body;

function apply(shade) {
  root.classList.toggle("dark", shade === "dark");
}

try {
  const chosen = localStorage.getItem(KEY);
  if (chosen) apply(chosen);
} catch (error) {
  // Storage may be forbidden; the switch then lasts as long as the page.
}
const switcher = element.querySelector(".tm-shade");
switcher.setAttribute("aria-label", word("shade"));
switcher.title = word("shade");
switcher.addEventListener("click", () => {
  const shade = root.classList.contains("dark") ? "light" : "dark";
  apply(shade);
  try {
    localStorage.setItem(KEY, shade);
  } catch (error) {
    // As above.
  }
});
