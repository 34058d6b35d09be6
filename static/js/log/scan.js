// Walks the whole log in big pages for the first line that fits, telling how far it has come.
import { LineBuilder, plainText } from "./lines.js";
import { MOST, pageFrom } from "./pages.js";

const ERROR = /\b(error|exception|traceback|fatal|panic(?:ked)?|segmentation fault)\b/i;

/** First line from `offset` (up to `until`) that `fits`; null when there is none. */
export async function firstLine(url, { offset = 0, until = Infinity, fits, progress, signal }) {
  const builder = new LineBuilder();
  let at = offset;
  for (;;) {
    const page = await pageFrom(url, at, { limit: MOST, signal });
    for (const line of builder.append(page.records)) if (line.offset < until && fits(line)) return line;
    builder.lines.length = 0;
    if (page.ended || page.end === at || page.end >= until) return null;
    at = page.end;
    progress(at);
  }
}

export const contains = (query) => {
  const wanted = query.toLowerCase();
  return (line) => plainText(line).toLowerCase().includes(wanted);
};

/** The first line that speaks of an error; failing that, the first on stderr. */
export async function firstError(url, { progress, signal }) {
  let onStderr = null;
  const spoken = await firstLine(url, {
    fits: (line) => {
      if (!onStderr && line.stream === "stderr") onStderr = line;
      return ERROR.test(plainText(line));
    },
    progress,
    signal,
  });
  return spoken ?? onStderr;
}
