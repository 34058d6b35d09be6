// The part of the log that is in memory: a few pages in a row, extended at either end and trimmed at the other.
import { LineBuilder } from "./lines.js";
import { pageBefore, pageFrom } from "./pages.js";

const PAGES = 8;
const CONTEXT = 32_000;

export class LogWindow {
  pages = [];
  lines = [];
  ended = false;
  missing = false;
  #builder = new LineBuilder();

  constructor(url) {
    this.url = url;
  }

  get start() { return this.pages[0]?.start ?? 0; }
  get end() { return this.pages.at(-1)?.end ?? 0; }

  #rebuild() {
    this.#builder = new LineBuilder();
    for (const page of this.pages) this.#builder.append(page.records);
    this.lines = this.#builder.lines;
  }

  /** Forgets everything and reads around `offset`. */
  async jump(offset, signal) {
    const from = Math.max(0, offset - CONTEXT);
    let page = await pageFrom(this.url, from, { aligned: false, signal });
    if (!page.records.length && from > 0) page = { ...(await pageBefore(this.url, page.start, { signal })), ended: page.ended };
    this.pages = [page];
    this.ended = page.ended;
    this.missing = page.missing;
    this.#rebuild();
  }

  /** Reads on. Returns how many lines were dropped at the top. */
  async extend() {
    const page = await pageFrom(this.url, this.end);
    this.ended = page.ended;
    if (!page.records.length) return 0;
    this.pages.push(page);
    if (this.pages.length <= PAGES) {
      this.#builder.append(page.records);
      return 0;
    }
    const before = this.lines.length;
    this.pages.shift();
    this.#rebuild();
    const kept = this.lines.findIndex((line) => line.offset >= page.start);
    const added = kept < 0 ? 0 : this.lines.length - kept;
    return before - (this.lines.length - added);
  }

  /** Reads backwards. Returns how many lines were added at the top. */
  async extendBack() {
    const firstOffset = this.start;
    const page = await pageBefore(this.url, firstOffset);
    if (!page.records.length) return 0;
    this.pages.unshift(page);
    if (this.pages.length > PAGES) {
      this.pages.pop();
      this.ended = false;
    }
    this.#rebuild();
    const kept = this.lines.findIndex((line) => line.offset >= firstOffset);
    return kept < 0 ? this.lines.length : kept;
  }
}
