// One socket to what happens in a company, opened again whenever it falls. Envelopes carry a per-company id without
// gaps; a gap means that something was missed.
const OPEN_WITHIN = 8000;
const BACKOFF = { first: 500, most: 30000 };

// Numbered events come once each and in order; passing ones (id null: "run R has N bytes") may be lost or doubled.
// `live.resync` says that what this page missed is no longer to be had.
function place(event, lastId) {
  if (event.id === null) return "next";
  if (event.type === "live.resync") return "missed";
  if (!Number.isInteger(event.id) || event.id <= lastId) return "seen";
  return event.id > lastId + 1 ? "missed" : "next";
}

export const feedUrl = (origin, company) =>
  `${origin.replace(/^http/, "ws")}/api/companies/${company}/events/ws`;

/**
 * Everything after event `lastId`: `on.event(event, missed)`, `on.opened()`, `on.lost(attempts)`.
 * With `missed`, more happened than this event tells.
 */
export class Feed {
  constructor(url, lastId, on) {
    Object.assign(this, { url, lastId, on, socket: null, attempts: 0, retry: 0 });
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    clearTimeout(this.retry);
    if (this.socket) return;
    let socket;
    try {
      socket = new WebSocket(`${this.url}?since=${this.lastId}`);
    } catch {
      this.lost(); // an address that this page may never open, such as ws: from https:
      return;
    }
    this.socket = socket;
    const slow = setTimeout(() => socket.close(), OPEN_WITHIN);
    socket.addEventListener("open", () => { clearTimeout(slow); this.attempts = 0; this.on.opened(); });
    socket.addEventListener("message", (message) => this.receive(JSON.parse(message.data)));
    socket.addEventListener("close", () => { clearTimeout(slow); this.lost(); });
  }

  close() {
    this.socket?.close();
  }

  receive(event) {
    const found = place(event, this.lastId);
    if (found === "seen") return;
    if (event.id !== null) this.lastId = event.id;
    this.on.event(event, found === "missed");
  }

  lost() {
    this.socket = null;
    this.attempts += 1;
    this.on.lost(this.attempts);
    const most = Math.min(BACKOFF.most, BACKOFF.first * 2 ** (this.attempts - 1));
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), most * (0.5 + Math.random() / 2));
  }
}
