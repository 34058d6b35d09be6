// Brings a list of the admin to a newer rendering of itself and touches only what differs: rows keep their nodes, and
// a cell that changed fades once.
const TABLE = "#result_list";
const BOX = "input.action-select";
const COUNTER = "span.action-counter";

const keyOf = (body) =>
  body.querySelector(BOX)?.value ?? body.querySelector("tr.data-row a[href]")?.getAttribute("href");

function flash(cell) {
  cell.classList.remove("eb-fresh");
  requestAnimationFrame(() => cell.classList.add("eb-fresh"));
}

const words = (cell) => {
  const copy = cell.cloneNode(true);
  for (const stamp of copy.querySelectorAll("time")) stamp.remove();
  return copy.textContent;
};

// The check box stays: it carries listeners.
function patchRow(row, fresh) {
  [...row.children].forEach((cell, index) => {
    const news = fresh.children[index];
    if (!news || cell.querySelector(BOX) || cell.innerHTML === news.innerHTML) return;
    const said = words(cell) !== words(news);
    cell.innerHTML = news.innerHTML;
    if (said) flash(cell);
  });
}

function patchBody(body, fresh) {
  const news = fresh.querySelectorAll("tr");
  body.querySelectorAll("tr").forEach((row, index) => news[index] && patchRow(row, news[index]));
}

function newcomer(fresh) {
  const body = document.importNode(fresh, true);
  body.dataset.late = "";
  for (const cell of body.querySelectorAll("tr.data-row > *")) flash(cell);
  return body;
}

function patchTable(table, fresh) {
  const known = new Map([...table.tBodies].map((body) => [keyOf(body), body]));
  let cursor = table.tBodies[0];
  for (const news of fresh.tBodies) {
    const body = known.get(keyOf(news));
    known.delete(keyOf(news));
    if (body) patchBody(body, news);
    if (body && body === cursor) cursor = cursor.nextElementSibling;
    else table.insertBefore(body ?? newcomer(news), cursor);
  }
  for (const body of known.values()) body.remove();
}

// From an empty list to rows or back. The scripts of the list know the check boxes that it began with.
function replaceForm(page) {
  const form = document.querySelector("#changelist-form");
  form.replaceChildren(...[...page.querySelector("#changelist-form").childNodes].map((n) => document.importNode(n, true)));
  for (const body of form.querySelectorAll(`${TABLE} > tbody`)) body.dataset.late = "";
}

/** Shows the list of `page`, a newer rendering of this one. */
export function patchList(page) {
  const [table, fresh] = [document, page].map((from) => from.querySelector(TABLE));
  if (table && fresh) patchTable(table, fresh);
  else if (table || fresh) replaceForm(page);
  const [counter, counted] = [document, page].map((from) => from.querySelector(COUNTER));
  if (counter && counted) counter.dataset.actionsIcnt = counted.dataset.actionsIcnt;
}

const selected = () => document.querySelectorAll(`${BOX}:checked`);

function count() {
  const counter = document.querySelector(COUNTER);
  if (counter) counter.textContent = `${selected().length} of ${counter.dataset.actionsIcnt} selected`;
}

// Rows that came later are unknown to the scripts of the list, so they are counted and ticked here.
document.addEventListener("change", ({ target }) => {
  if (!document.querySelector("[data-late]")) return;
  if (target.matches(".action-toggle")) {
    for (const box of document.querySelectorAll(`[data-late] ${BOX}`)) box.checked = target.checked;
  }
  if (target.matches(`.action-toggle, ${BOX}`)) queueMicrotask(count);
});
