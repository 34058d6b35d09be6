// The socket to the live process: what has happened since the page was rendered, and an honest word about whether
// the page is live. Envelopes carry a per-company id without gaps; a gap means that something was missed.
import { refetchAll, refetchFor, startRefetching } from "./refetch.js";
import { clockWords, heardFrom, tick } from "./time.js";

const POLL_EVERY = 5000;
const OPEN_WITHIN = 8000;
const BACKOFF = { first: 500, most: 30000 };
const WORDS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  polling: "Polling every 5 s",
  offline: "Not live",
};

const link = { socket: null, lastId: 0, attempts: 0, poll: 0, retry: 0, failing: false, fresh: Date.now(), url: "" };

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

function socketUrl() {
  const origin = document.querySelector('meta[name="everbeat-live"]').content || location.origin;
  return `${origin.replace(/^http/, "ws")}/api/companies/${document.body.dataset.company}/events/ws`;
}

// Numbered events come once each and in order; passing ones (id null: "run R has N bytes") may be lost or doubled.
// `live.resync` says that what this page missed is no longer to be had.
function place(event) {
  if (event.id === null) return "next";
  if (event.type === "live.resync") return "missed";
  if (!Number.isInteger(event.id) || event.id <= link.lastId) return "seen";
  return event.id > link.lastId + 1 ? "missed" : "next";
}

function receive(text) {
  const event = JSON.parse(text);
  const found = place(event);
  if (found === "seen") return;
  if (event.id !== null) link.lastId = event.id;
  if (found === "missed") refetchAll();
  else refetchFor(event);
  if (event.type === "heartbeat.run.log" && event.payload?.runId) heardFrom(event.payload.runId, event.createdAt);
  document.dispatchEvent(new CustomEvent("everbeat:event", { detail: event }));
  if (found === "missed") document.dispatchEvent(new CustomEvent("everbeat:poll"));
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
  link.attempts = 0;
  show("live");
  if (wasPolling) document.dispatchEvent(new CustomEvent("everbeat:poll"));
  if (wasPolling || link.failing) refetchAll();
}

function lost() {
  link.socket = null;
  link.attempts += 1;
  if (link.attempts >= 2) startPolling();
  show(link.failing ? "offline" : link.poll ? "polling" : "reconnecting");
  const most = Math.min(BACKOFF.most, BACKOFF.first * 2 ** (link.attempts - 1));
  clearTimeout(link.retry);
  link.retry = setTimeout(connect, most * (0.5 + Math.random() / 2));
}

function connect() {
  if (link.socket) return;
  let socket;
  try {
    socket = new WebSocket(`${link.url}?since=${link.lastId}`);
  } catch {
    lost(); // an address that this page may never open, such as ws: from https:
    return;
  }
  link.socket = socket;
  const slow = setTimeout(() => socket.close(), OPEN_WITHIN);
  socket.addEventListener("open", () => { clearTimeout(slow); opened(); });
  socket.addEventListener("message", (message) => receive(message.data));
  socket.addEventListener("close", () => { clearTimeout(slow); lost(); });
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
  if (!link.socket || link.socket.readyState !== WebSocket.OPEN) show("offline");
  const at = clockWords(new Date(link.fresh), new Date());
  note(`Parts of this page could not be refreshed. What you see is from ${at}; Everbeat keeps trying.`);
}

export function startLive() {
  if (!document.getElementById("live-state")) return;
  link.lastId = Number(document.body.dataset.lastEvent || 0);
  link.url = socketUrl();
  document.addEventListener("htmx:afterRequest", answered);
  document.addEventListener("everbeat:patched", () => tick());
  document.addEventListener("everbeat:strange", () => note("You are signed out. Reload the page to sign in again."));
  addEventListener("online", () => { clearTimeout(link.retry); connect(); });
  addEventListener("pagehide", () => link.socket?.close());
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
  startRefetching();
  connect();
}

