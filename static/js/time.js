// Ages and durations tick here, without requests. The words equal those of heartbeats/board/wording.py.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const SILENCE_WORDS = { ok: "", quiet: "Quiet", suspicious: "Suspicious", critical: "Silent" };
const LEVELS = ["ok", "quiet", "suspicious", "critical"];
const pad = (n) => String(n).padStart(2, "0");

let skew = 0; // server time minus browser time, in milliseconds

export const serverNow = () => Date.now() + skew;

export function durationWords(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < MINUTE) return `${s} s`;
  if (s < HOUR) return `${Math.floor(s / MINUTE)} m ${pad(s % MINUTE)} s`;
  if (s < DAY) return `${Math.floor(s / HOUR)} h ${pad(Math.floor((s % HOUR) / MINUTE))} m`;
  return `${Math.floor(s / DAY)} d ${Math.floor((s % DAY) / HOUR)} h`;
}

export function spanWords(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  for (const [unit, size] of [["d", DAY], ["h", HOUR], ["m", MINUTE]]) {
    if (s >= size) return `${Math.floor(s / size)} ${unit}`;
  }
  return `${s} s`;
}

export function relativeWords(seconds) {
  if (Math.abs(seconds) < 2) return "now";
  return seconds > 0 ? `${spanWords(seconds)} ago` : `in ${spanWords(-seconds)}`;
}

export function clockWords(at, now) {
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.toLocaleDateString(undefined, { day: "numeric", month: "short" })} ${time}`;
}

function say(stamp, now) {
  const at = new Date(stamp.dataset.since);
  const seconds = (now - at.getTime()) / 1000;
  if (stamp.dataset.say === "clock") return clockWords(at, new Date(now));
  return stamp.dataset.say === "elapsed" ? durationWords(seconds) : relativeWords(seconds);
}

function raiseSilence(box, now) {
  const stamp = box.querySelector("time");
  if (!box.dataset.thresholds || !stamp) return;
  const age = (now - new Date(stamp.dataset.since).getTime()) / 1000;
  const level = LEVELS[box.dataset.thresholds.split(",").filter((limit) => age >= Number(limit)).length];
  if (level === box.dataset.level) return;
  box.dataset.level = level;
  box.querySelector(".silence-word").textContent = SILENCE_WORDS[level];
  stamp.dataset.say = level === "ok" ? "ago" : "elapsed";
}

export function tick(root = document) {
  const now = serverNow();
  for (const box of root.querySelectorAll(".silence")) raiseSilence(box, now);
  for (const stamp of root.querySelectorAll("time[data-since]")) {
    const words = say(stamp, now);
    if (stamp.textContent !== words) stamp.textContent = words;
  }
}

/** A run has just spoken: its age starts again, here, without a request. */
export function heardFrom(runId, at) {
  for (const stamp of document.querySelectorAll(`[data-run-output="${CSS.escape(runId)}"] .silence time`)) {
    if (at > stamp.dataset.since) stamp.dataset.since = at;
    const word = stamp.closest(".silence").querySelector(".silence-word");
    if (stamp.closest(".silence").dataset.level !== "ok") continue;
    word.textContent = "";
    stamp.dataset.say = "ago";
  }
}

export function startTicking() {
  const said = Date.parse(document.body.dataset.now || "");
  if (!Number.isNaN(said)) skew = said - Date.now();
  tick();
  setInterval(tick, 1000);
}
