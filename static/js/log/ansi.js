// SGR colours of terminal output. A state is a plain object; text is split into spans that share one state.
// eslint-disable-next-line no-control-regex
const ESCAPE = /\u001b(?:\[([0-9;:]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])|[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f]/g;
const ON = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const OFF = { 22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 29: ["strike"], 39: ["fg"], 49: ["bg"] };

export const PLAIN = Object.freeze({});

function cube(n) {
  if (n < 16) return n;
  if (n >= 232) return `rgb(${Array(3).fill(8 + (n - 232) * 10).join(" ")})`;
  const level = (v) => (v ? 55 + v * 40 : 0);
  return `rgb(${level(Math.floor((n - 16) / 36))} ${level(Math.floor((n - 16) / 6) % 6)} ${level((n - 16) % 6)})`;
}

function extended(codes, at) {
  if (codes[at + 1] === 5) return { colour: cube(Math.min(255, codes[at + 2] ?? 0)), skip: 2 };
  if (codes[at + 1] === 2) return { colour: `rgb(${codes.slice(at + 2, at + 5).map((c) => Math.min(255, c)).join(" ")})`, skip: 4 };
  return { colour: undefined, skip: 0 };
}

function basicColour(code) {
  if (code >= 30 && code <= 37) return { fg: code - 30 };
  if (code >= 40 && code <= 47) return { bg: code - 40 };
  if (code >= 90 && code <= 97) return { fg: code - 82 };
  if (code >= 100 && code <= 107) return { bg: code - 92 };
  return {};
}

function without(state, names) {
  const rest = { ...state };
  for (const name of names) delete rest[name];
  return rest;
}

function applyCodes(state, text) {
  const codes = (text || "0").split(/[;:]/).map(Number);
  let now = state;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at];
    if (code === 0) now = PLAIN;
    else if (ON[code]) now = { ...now, [ON[code]]: true };
    else if (OFF[code]) now = without(now, OFF[code]);
    else if (code === 38 || code === 48) {
      const { colour, skip } = extended(codes, at);
      now = { ...now, [code === 38 ? "fg" : "bg"]: colour };
      at += skip;
    } else now = { ...now, ...basicColour(code) };
  }
  return now;
}

/** Splits `text` into `[{text, state}]` beginning in `state`; also gives the state at the end. Other escapes vanish. */
export function spans(text, state = PLAIN) {
  const parts = [];
  let now = state;
  let from = 0;
  for (const match of text.matchAll(ESCAPE)) {
    if (match.index > from) parts.push({ text: text.slice(from, match.index), state: now });
    if (match[2] === "m") now = applyCodes(now, match[1]);
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), state: now });
  return { parts, state: now };
}

export const stripped = (text) => text.replace(ESCAPE, "");

/** Class names for a state, and colours beyond the sixteen set directly. */
export function dress(node, state) {
  for (const name of ["bold", "dim", "italic", "underline", "inverse", "strike"]) {
    if (state[name]) node.classList.add(`a-${name}`);
  }
  if (typeof state.fg === "number") node.classList.add(`a-f${state.fg}`);
  else if (state.fg) node.style.color = state.fg;
  if (typeof state.bg === "number") node.classList.add(`a-b${state.bg}`);
  else if (state.bg) node.style.backgroundColor = state.bg;
}
