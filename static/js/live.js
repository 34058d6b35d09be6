// What has happened since the page was rendered, and an honest word about whether the page is live.
import { Feed, feedUrl } from "./feed.js";
import { refetchAll, refetchFor, startRefetching } from "./refetch.js";
import { clockWords, heardFrom, tick } from "./time.js";

const POLL_EVERY = 5000;
const WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  polling: "Polling every 5 s",
  offline: "Not live",
};

const link = { feed: null, poll: 0, failing: false, fresh: Date.now() };

function show(state) {
  const box = document.getElementById("live-state");
  if (box.dataset.state === state) return;
  box.dataset.state = state;
  box.textContent = WORDS[state];
}

function note(text) {
  const box = document.getElementById("stale-note");
  box.textContent = text;
  box.hidden = !text;
}

function receive(event, missed) {
  if (missed) refetchAll();
  else refetchFor(event);
  if (event.type === "heartbeat.run.log" && event.payload?.runId) heardFrom(event.payload.runId, event.createdAt);
  document.dispatchEvent(new CustomEvent("everbeat:event", { detail: event }));
  if (missed) document.dispatchEvent(new CustomEvent("everbeat:poll"));
}

function startPolling() {
  if (link.poll) return;
  const poll = () => {
    refetchAll();
    document.dispatchEvent(new CustomEvent("everbeat:poll"));
  };
  link.poll = setInterval(poll, POLL_EVERY);
  poll();
}

function opened() {
  const wasPolling = link.poll !== 0;
  clearInterval(link.poll);
  link.poll = 0;
  show("live");
  if (wasPolling) document.dispatchEvent(new CustomEvent("everbeat:poll"));
  if (wasPolling || link.failing) refetchAll();
}

function lost(attempts) {
  if (attempts >= 2) startPolling();
  show(link.failing ? "offline" : link.poll ? "polling" : "reconnecting");
}

function answered({ detail }) {
  if (detail.successful) {
    link.fresh = Date.now();
    if (!link.failing) return;
    link.failing = false;
    note("");
    if (link.poll) show("polling");
    return;
  }
  link.failing = true;
  if (!link.feed.isOpen) show("offline");
  const at = clockWords(new Date(link.fresh), new Date());
  note(`Parts of this page could not be refreshed. What you see is from ${at}; Everbeat keeps trying.`);
}

export function startLive() {
  if (!document.getElementById("live-state")) return;
  const { company, lastEvent } = document.body.dataset;
  const origin = document.querySelector('meta[name="everbeat-live"]').content || location.origin;
  link.feed = new Feed(feedUrl(origin, company), Number(lastEvent || 0), { event: receive, opened, lost });
  document.addEventListener("htmx:afterRequest", answered);
  document.addEventListener("everbeat:patched", () => tick());
  document.addEventListener("everbeat:strange", () => note("You are signed out. Reload the page to sign in again."));
  addEventListener("online", () => link.feed.connect());
  addEventListener("pagehide", () => link.feed.close());
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
  startRefetching();
  link.feed.connect();
}

