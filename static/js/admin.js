// Identifiers are copied by a click, and lists that people watch follow what happens without a reload.
(() => {
  "use strict";

  const WATCHED = ["model-agent", "model-errorgroup", "model-heartbeatrun", "model-sweepstate", "model-wakeuprequest"];
  const EVERY_MS = 10000;

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    event.preventDefault();
    await navigator.clipboard.writeText(button.dataset.copy);
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, 1500);
  });

  const rowsOf = (page) => [...page.querySelectorAll("#result_list tr.data-row")];
  const keyOf = (row) => row.querySelector("input.action-select")?.value;
  const busy = () =>
    document.hidden ||
    document.querySelector("input.action-select:checked") ||
    document.activeElement?.matches("input, select, textarea");

  // Cells whose text changed are replaced and fade once. The check box stays: it carries listeners.
  function patch(row, fresh) {
    [...row.children].forEach((cell, index) => {
      const news = fresh.children[index];
      if (cell.querySelector("input.action-select") || !news || cell.innerHTML === news.innerHTML) return;
      const said = cell.textContent !== news.textContent && !news.querySelector("time");
      cell.innerHTML = news.innerHTML;
      if (said) {
        cell.classList.remove("eb-fresh");
        requestAnimationFrame(() => cell.classList.add("eb-fresh"));
      }
    });
  }

  async function follow() {
    if (busy()) return;
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected || busy()) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [now, then] = [rowsOf(page), rowsOf(document)];
    if (now.map(keyOf).join() === then.map(keyOf).join()) then.forEach((row, index) => patch(row, now[index]));
    else if (window.scrollY === 0) location.reload();
  }

  document.addEventListener("DOMContentLoaded", () => {
    const body = document.body.classList;
    if (!body.contains("change-list") || !WATCHED.some((name) => body.contains(name))) return;
    setInterval(() => follow().catch(() => {}), EVERY_MS);
  });
})();
