// Lists that people watch follow what happens: an event of a kind that the list shows fetches it again, and what
// differs is patched. While somebody selects rows nothing moves; what was missed is fetched afterwards.
import { patchList } from "./admin-rows.js";
import { Feed, feedUrl } from "./feed.js";

const GAP = 500;
const POLL_EVERY = 10000;
const STALE_AFTER = 30000; // what nobody announces, such as "3 m ago"
const WORDS = {
  connecting: "Connecting",
  live: "Live",
  resting: "Live, rests while rows are selected",
  polling: "Not live: refreshed every 10 s",
  failing: "Not live: the server does not answer",
  strange: "Not live: you are signed out. Reload the page to sign in again.",
};

const box = document.getElementById("eb-live");
const feeds = [];
const state = { dirty: false, busy: false, timer: 0, last: performance.now() - GAP, trouble: "" };

const resting = () =>
  document.querySelector("#changelist-form input.action-select:checked") ||
  document.activeElement?.matches("#changelist-form select");
const isLive = () => feeds.length > 0 && feeds.every((feed) => feed.isOpen);

function show() {
  const live = isLive() ? (resting() ? "resting" : "live") : "polling";
  const now = state.trouble || live;
  if (box.dataset.state === now) return;
  box.dataset.state = now;
  box.textContent = WORDS[now];
}

async function fetchList() {
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok) return "failing";
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!page.getElementById("eb-live")) return "strange";
  if (resting()) state.dirty = true;
  else patchList(page);
  return "";
}

async function refresh() {
  state.timer = 0;
  if (document.hidden || resting()) return;
  state.dirty = false;
  state.busy = true;
  state.last = performance.now();
  state.trouble = await fetchList().catch(() => "failing");
  state.busy = false;
  show();
  if (state.dirty && !resting()) want();
}

function want() {
  state.dirty = true;
  show();
  if (state.busy || state.timer || document.hidden || resting()) return;
  state.timer = setTimeout(refresh, Math.max(0, GAP - (performance.now() - state.last)));
}

function follow(kinds) {
  const origin = box.dataset.origin || location.origin;
  for (const [company, lastId] of box.dataset.feeds.split(" ").filter(Boolean).map((feed) => feed.split("@"))) {
    const feed = new Feed(feedUrl(origin, company), Number(lastId), {
      event: (event, missed) => (missed || kinds.has(event.type)) && want(),
      opened: () => { show(); if (state.trouble) want(); },
      lost: show,
    });
    feeds.push(feed);
    feed.connect();
  }
}

function poll() {
  if (isLive() && !state.trouble && performance.now() - state.last < STALE_AFTER) show();
  else want();
}

if (box) {
  follow(new Set(box.dataset.events.split(" ").filter(Boolean)));
  setInterval(poll, POLL_EVERY);
  document.addEventListener("change", () => { show(); if (state.dirty) want(); });
  document.addEventListener("visibilitychange", () => state.dirty && want());
  addEventListener("online", () => feeds.forEach((feed) => feed.connect()));
  addEventListener("pagehide", () => feeds.forEach((feed) => feed.close()));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}
