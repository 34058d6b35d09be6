// Brings an element to a newer rendering of itself and touches only what differs: focus, selection, open
// details and typed text survive, rows keep their nodes (by id), and a cell that changed fades once.
const FIELDS = new Set(["INPUT", "TEXTAREA", "SELECT"]);

function cellText(cell) {
  const copy = cell.cloneNode(true);
  for (const stamp of copy.querySelectorAll("time")) stamp.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
}

function flash(element) {
  element.classList.remove("changed");
  void element.offsetWidth; // restarts the animation
  element.classList.add("changed");
  element.addEventListener("animationend", () => element.classList.remove("changed"), { once: true });
}

function patchAttributes(old, next) {
  for (const { name } of [...old.attributes]) {
    if (next.hasAttribute(name) || (name === "open" && old.tagName === "DETAILS")) continue;
    old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

const sameKind = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName;

function matchFor(next, cursor, keyed) {
  if (next.id) return keyed.get(next.id);
  return cursor && sameKind(cursor, next) && !cursor.id ? cursor : undefined;
}

function patchChildren(old, next) {
  const keyed = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  const wanted = new Set([...next.children].map((child) => child.id).filter(Boolean));
  for (const [id, child] of keyed) if (!wanted.has(id)) child.remove();
  let cursor = old.firstChild;
  for (const child of [...next.childNodes]) {
    const match = matchFor(child, cursor, keyed);
    if (!match) {
      old.insertBefore(child, cursor);
      if (child.nodeName === "TR") for (const cell of child.cells) flash(cell);
      continue;
    }
    if (match === cursor) cursor = cursor.nextSibling;
    else old.insertBefore(match, cursor);
    patch(match, child);
  }
  while (cursor) {
    const rest = cursor.nextSibling;
    cursor.remove();
    cursor = rest;
  }
}

function patchElement(old, next) {
  if (FIELDS.has(old.tagName)) return;
  if (old.tagName === "TIME" && old.dataset.since === next.dataset.since) return;
  const before = old.hasAttribute("data-cell") ? cellText(old) : null;
  const after = before === null ? null : cellText(next);
  patchAttributes(old, next);
  patchChildren(old, next);
  if (before !== after) flash(old);
}

export function patch(old, next) {
  if (old.isEqualNode(next)) return;
  if (!sameKind(old, next)) old.replaceWith(next);
  else if (old.nodeType === Node.ELEMENT_NODE) patchElement(old, next);
  else old.nodeValue = next.nodeValue;
}

/** `hx-swap="patch"`. An answer that is not the same section (a sign-in page, say) is announced, not shown. */
export function registerPatch(htmx) {
  htmx.defineExtension("patch", {
    isInlineSwap: (style) => style === "patch",
    handleSwap(style, target, fragment) {
      if (style !== "patch") return false;
      const next = fragment.querySelector(`#${CSS.escape(target.id)}`);
      if (!next) {
        document.dispatchEvent(new CustomEvent("everbeat:strange", { detail: target.id }));
        return [];
      }
      const focused = document.activeElement;
      patch(target, next);
      if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
      document.dispatchEvent(new CustomEvent("everbeat:patched", { detail: target.id }));
      return [];
    },
  });
}
