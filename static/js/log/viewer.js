// The log of one run. Only the lines in sight are in the document and only a few pages are in memory, so the
// length of the log does not matter. New output is announced by the live socket ("run R has N bytes") and read here.
import { drawing } from "./lines.js";
import { dress } from "./ansi.js";
import { contains, firstError, firstLine } from "./scan.js";
import { LogWindow } from "./window.js";

const LINE = 20;
const MARGIN = 30;
const TERMINAL = new Set(["succeeded", "failed", "cancelled", "timed_out"]);

const pad = (n) => String(n).padStart(2, "0");

function clock(ts) {
  const at = new Date(ts ?? NaN);
  return Number.isNaN(at.getTime()) ? "" : `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

function size(bytes) {
  let amount = bytes;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (amount < 1024) return unit === "B" || amount >= 100 ? `${amount.toFixed(0)} ${unit}` : `${amount.toFixed(1)} ${unit}`;
    amount /= 1024;
  }
  return `${amount.toFixed(1)} TiB`;
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function lineNode(line, hit) {
  const node = element("div", `log-line ${line.stream}${hit ? " hit" : ""}`);
  node.append(element("span", "at", clock(line.ts)), element("span", "from", { stdout: "out", stderr: "err", system: "sys" }[line.stream] ?? line.stream));
  const { parts, cut } = drawing(line);
  for (const part of parts) {
    const span = element("span", "", part.text);
    dress(span, part.state);
    node.append(span);
  }
  if (cut) node.append(element("span", "a-dim", ` … ${size(cut)} more in the download`));
  return node;
}

class LogViewer {
  constructor(root) {
    this.root = root;
    this.url = root.dataset.url;
    this.run = root.dataset.run;
    this.size = Number(root.dataset.size);
    this.growing = "growing" in root.dataset;
    this.view = root.querySelector(".log-view");
    this.empty = root.querySelector(".log-empty");
    this.space = element("div", "log-space");
    this.sheet = this.space.appendChild(element("div", "log-lines"));
    this.said = root.querySelector(".log-said");
    this.where = root.querySelector(".log-where");
    this.place = root.querySelector("#log-place");
    this.followButton = root.querySelector('[data-log="follow"]');
    this.window = new LogWindow(this.url);
    this.hit = null;
    this.busy = false;
    this.again = false;
    this.follows = false;
    this.scan = null;
    this.listen();
    this.open();
  }

  listen() {
    this.view.addEventListener("scroll", () => requestAnimationFrame(() => this.scrolled()), { passive: true });
    this.view.addEventListener("wheel", (e) => { if (e.deltaY < 0) this.follow(false); }, { passive: true });
    this.view.addEventListener("keydown", (e) => this.key(e));
    this.view.addEventListener("touchmove", () => this.follow(false), { passive: true });
    this.followButton.addEventListener("click", () => this.follow(!this.follows));
    this.root.querySelector('[data-log="error"]').addEventListener("click", () => this.toFirstError());
    this.root.querySelector(".find").addEventListener("submit", (e) => { e.preventDefault(); this.find(e.target.querySelector("input").value); });
    this.place.addEventListener("change", () => { this.follow(false); this.to((this.size * this.place.value) / this.place.max); });
    document.addEventListener("everbeat:event", (e) => this.heard(e.detail));
    document.addEventListener("everbeat:poll", () => { if (this.growing) this.grow(); });
    new ResizeObserver(() => this.draw()).observe(this.view);
  }

  key(event) {
    if (event.key === "Home" || event.key === "End") {
      event.preventDefault();
      this.follow(false);
      if (event.key === "Home") this.to(0);
      else this.toEnd();
    }
    if (event.key === "PageUp" || event.key === "ArrowUp") this.follow(false);
    if (event.key === "Escape") this.scan?.abort();
  }

  open() {
    if (this.growing) this.follow(true);
    else if (this.size) this.to(0);
  }

  heard({ type, payload }) {
    if (payload?.runId !== this.run) return;
    if (type === "heartbeat.run.log") {
      this.size = Math.max(this.size, payload.logBytes ?? 0);
      this.grow();
    }
    if (type === "heartbeat.run.status" && TERMINAL.has(payload.status)) {
      this.growing = false;
      this.grow();
    }
  }

  grow() {
    if (this.window.ended || !this.window.pages.length) this.readOn();
    else this.label();
  }

  async readOn() {
    if (this.busy) { this.again = true; return; }
    await this.work(async () => {
      const dropped = await this.window.extend();
      if (!this.follows && dropped) this.view.scrollTop -= dropped * LINE;
    });
    if (this.again || (this.follows && !this.window.ended)) { this.again = false; await this.readOn(); }
  }

  async readBack() {
    if (this.busy || this.window.start === 0) return;
    await this.work(async () => {
      const added = await this.window.extendBack();
      this.layout();
      this.view.scrollTop += added * LINE;
    });
  }

  /** Runs one change of the window at a time and draws what came of it. */
  async work(change) {
    this.busy = true;
    try {
      await change();
      this.size = Math.max(this.size, this.window.end);
      this.tell("");
    } catch (error) {
      if (error.name !== "AbortError") this.tell(`The log could not be read. ${error.message}`);
    } finally {
      this.busy = false;
    }
    this.layout();
    if (this.follows) this.view.scrollTop = this.view.scrollHeight;
    this.draw();
  }

  async to(offset, hit = null) {
    while (this.busy) await new Promise((done) => setTimeout(done, 20));
    this.hit = hit;
    await this.work(() => this.window.jump(offset));
    const index = this.window.lines.findIndex((line) => line.offset >= offset);
    this.view.scrollTop = Math.max(0, (index < 0 ? this.window.lines.length : index) * LINE - (hit === null ? 0 : this.view.clientHeight / 3));
    this.draw();
  }

  async toEnd() {
    await this.to(this.size);
    await this.readOn();
    this.view.scrollTop = this.view.scrollHeight;
  }

  follow(on) {
    if (this.follows === on) return;
    this.follows = on;
    this.followButton.setAttribute("aria-pressed", String(on));
    if (on) this.toEnd();
  }

  scrolled() {
    this.draw();
    const { scrollTop, clientHeight, scrollHeight } = this.view;
    if (scrollTop < 20 * LINE) this.readBack();
    else if (scrollHeight - scrollTop - clientHeight < 20 * LINE && !this.window.ended && !this.busy) this.readOn();
  }

  layout() {
    const { lines } = this.window;
    if (!lines.length && this.window.missing && this.size) this.empty.textContent = "The log of this run is not stored on this host.";
    if (lines.length && this.empty.isConnected) this.empty.replaceWith(this.space);
    this.space.style.height = `${lines.length * LINE}px`;
  }

  draw() {
    const { lines } = this.window;
    if (!lines.length) return;
    const first = Math.max(0, Math.floor(this.view.scrollTop / LINE) - MARGIN);
    const shown = lines.slice(first, first + Math.ceil(this.view.clientHeight / LINE) + 2 * MARGIN);
    this.sheet.style.transform = `translateY(${first * LINE}px)`;
    this.sheet.replaceChildren(...shown.map((line) => lineNode(line, line.offset === this.hit?.offset && line.raw === this.hit.raw)));
    this.label();
  }

  label() {
    const top = this.window.lines[Math.floor(this.view.scrollTop / LINE)];
    const at = this.follows ? this.size : (top?.offset ?? 0);
    this.where.textContent = `${size(at)} of ${size(this.size)}`;
    if (document.activeElement !== this.place) this.place.value = this.size ? (at / this.size) * this.place.max : 0;
  }

  tell(text) {
    this.said.textContent = text;
  }

  async toFirstError() {
    const known = this.root.dataset.firstError;
    this.follow(false);
    if (known !== undefined) { await this.to(Number(known), { offset: Number(known), raw: null }); this.markAt(Number(known)); return; }
    await this.search((options) => firstError(this.url, options), "No error in this log.");
  }

  markAt(offset) {
    this.hit = this.window.lines.find((line) => line.offset >= offset) ?? null;
    this.draw();
  }

  async find(query) {
    if (!query) return;
    this.follow(false);
    const fits = contains(query);
    const here = this.window.lines;
    const from = this.hit ? here.findIndex((line) => line.offset === this.hit.offset && line.raw === this.hit.raw) : -1;
    const near = here.find((line, index) => index > from && fits(line));
    if (near) { this.showNear(near); return; }
    const { start, end } = this.window;
    await this.search(
      async (options) => (await firstLine(this.url, { ...options, offset: end, fits })) ?? firstLine(this.url, { ...options, until: start || end, fits }),
      `"${query}" is not in this log.`,
    );
  }

  showNear(line) {
    this.hit = line;
    this.view.scrollTop = Math.max(0, this.window.lines.indexOf(line) * LINE - this.view.clientHeight / 3);
    this.draw();
    this.tell(`Found at ${size(line.offset)}.`);
  }

  async search(looking, failing) {
    this.scan?.abort();
    const scan = (this.scan = new AbortController());
    this.tell("Searching.");
    const progress = (at) => this.tell(`Searched ${size(at)} of ${size(this.size)}. Escape stops.`);
    try {
      const line = await looking({ progress, signal: scan.signal });
      if (!line) { this.tell(failing); return; }
      await this.to(line.offset, line);
      this.tell(`Found at ${size(line.offset)}.`);
    } catch (error) {
      this.tell(error.name === "AbortError" ? "Search stopped." : `The search failed. ${error.message}`);
    }
  }
}

const root = document.getElementById("log");
if (root) root.viewer = new LogViewer(root);
