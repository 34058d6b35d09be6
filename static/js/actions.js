// Small manners of the page: ask before an action that says so, copy an identifier, switch the theme.
const THEMES = ["auto", "light", "dark"];

function ask(sentence) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = sentence;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function guard(event) {
  const button = event.submitter;
  if (!button?.dataset.confirm || button.dataset.confirmed) return;
  event.preventDefault();
  if (!(await ask(button.dataset.confirm)) || !button.isConnected) return;
  button.dataset.confirmed = "yes";
  event.target.requestSubmit(button);
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.dataset.copied = "";
  setTimeout(() => delete button.dataset.copied, 1500);
}

function showTheme(theme) {
  const button = document.getElementById("theme-switch");
  if (!button) return;
  button.setAttribute("aria-label", `Theme: ${theme === "auto" ? "as the system" : theme}`);
  button.title = button.getAttribute("aria-label");
  for (const icon of button.querySelectorAll("[data-theme-icon]")) icon.hidden = icon.dataset.themeIcon !== theme;
}

function nextTheme() {
  const root = document.documentElement;
  const theme = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    localStorage.setItem("everbeat-theme", theme);
  } catch {
    // Storage may be forbidden; the choice then lasts until the page is left.
  }
  showTheme(theme);
}

export function startActions() {
  document.addEventListener("submit", guard);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], #theme-switch, #confirm button");
    if (!button) return;
    if (button.dataset.copy) copy(button);
    else if (button.id === "theme-switch") nextTheme();
    else document.getElementById("confirm").close(button.value);
  });
  showTheme(document.documentElement.dataset.theme ?? "auto");
}
