// Reads a run's log by byte offset. The log is NDJSON, `{ts, stream, chunk}` a line; a page always begins and ends
// at a record, whatever offset was asked for.
const encoder = new TextEncoder();
const bytes = (text) => encoder.encode(text).length;

export const PAGE = 256_000;
export const MOST = 1_048_576;

async function read(url, offset, limit, signal) {
  const response = await fetch(`${url}?offset=${offset}&limitBytes=${limit}`, { signal, credentials: "same-origin", cache: "no-store" });
  if (response.status === 404) return { content: "", nextOffset: null, missing: true };
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.json();
}

function record(line, offset) {
  try {
    const { ts, stream, chunk } = JSON.parse(line);
    return { offset, ts, stream, chunk: String(chunk ?? "") };
  } catch {
    return { offset, ts: null, stream: "system", chunk: `${line}\n` };
  }
}

function recordsIn(content, start) {
  const records = [];
  let offset = start;
  for (const line of content.split("\n")) {
    if (line) records.push(record(line, offset));
    offset += bytes(line) + 1;
  }
  return records;
}

// A cut through a character leaves up to three stray bytes in front, each decoded as one U+FFFD.
function partialLength(content, firstEnd) {
  const stray = /^\ufffd{0,3}/.exec(content)[0].length;
  return stray + bytes(content.slice(stray, firstEnd));
}

/** The whole records from `offset` on. `aligned`: the offset is known to be a record's first byte. */
export async function pageFrom(url, offset, { limit = PAGE, aligned = true, signal } = {}) {
  const { content, nextOffset, missing = false } = await read(url, offset, limit, signal);
  const ended = nextOffset === undefined || nextOffset === null;
  const last = content.lastIndexOf("\n") + 1;
  const first = aligned || offset === 0 ? 0 : content.indexOf("\n") + 1;
  const nothingWhole = last === 0 || (first >= last && !aligned);
  if (nothingWhole && !ended && limit < MOST) return pageFrom(url, offset, { limit: MOST, aligned, signal });
  const start = offset + (first ? partialLength(content, first) : 0);
  const whole = content.slice(first, Math.max(first, last));
  return { start, end: start + bytes(whole), records: recordsIn(whole, start), ended, missing };
}

/** The whole records that end where `end`, a record's first byte, begins. */
export async function pageBefore(url, end, { signal } = {}) {
  for (const reach of [PAGE, MOST]) {
    const offset = Math.max(0, end - reach);
    const page = await pageFrom(url, offset, { limit: end - offset, aligned: offset === 0, signal });
    if (page.records.length || offset === 0) return { ...page, ended: false };
  }
  return { start: Math.max(0, end - MOST), end, records: [], ended: false };
}
