// From records to lines: chunks of one stream continue each other, a carriage return starts the line again.
import { PLAIN, spans, stripped } from "./ansi.js";

const LONGEST = 4000;

function withoutReturns(text) {
  const body = text.endsWith("\r") ? text.slice(0, -1) : text;
  return body.slice(body.lastIndexOf("\r") + 1);
}

export class LineBuilder {
  lines = [];
  #open = new Map();
  #colour = new Map();

  /** Adds records; returns the lines they began or continued. */
  append(records) {
    const touched = new Set();
    for (const { offset, ts, stream, chunk } of records) {
      const parts = chunk.split("\n");
      parts.forEach((part, index) => {
        const isLast = index === parts.length - 1;
        if (isLast && part === "") return;
        const line = this.#lineOf(stream, offset, ts);
        line.raw += part;
        touched.add(line);
        if (!isLast) this.#close(stream, line);
      });
    }
    return touched;
  }

  #lineOf(stream, offset, ts) {
    let line = this.#open.get(stream);
    if (!line) {
      line = { offset, ts, stream, raw: "", colour: this.#colour.get(stream) ?? PLAIN };
      this.#open.set(stream, line);
      this.lines.push(line);
    }
    return line;
  }

  #close(stream, line) {
    this.#open.delete(stream);
    this.#colour.set(stream, spans(line.raw, line.colour).state);
  }
}

export const plainText = (line) => stripped(withoutReturns(line.raw));

/** What to draw of a line: coloured parts, and how many characters were left out. */
export function drawing(line) {
  const text = withoutReturns(line.raw);
  const cut = Math.max(0, text.length - LONGEST);
  return { parts: spans(cut ? text.slice(0, LONGEST) : text, line.colour).parts, cut };
}
