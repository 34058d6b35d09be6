// When to fetch a section again: at most once per 300 ms each, one request at a time, none while nobody looks.
const GAP = 300;
const known = new WeakMap();

export const sections = () => [...document.querySelectorAll("[data-live]")];

function stateOf(section) {
  if (!known.has(section)) known.set(section, { last: -Infinity, busy: false, dirty: false, timer: 0 });
  return known.get(section);
}

function send(section, state) {
  state.timer = 0;
  state.dirty = false;
  if (!section.isConnected) return;
  state.busy = true;
  state.last = performance.now();
  window.htmx.trigger(section, "refresh");
}

export function refetch(section) {
  const state = stateOf(section);
  if (state.busy || document.hidden) state.dirty = true;
  else if (!state.timer) {
    const wait = Math.max(0, GAP - (performance.now() - state.last));
    state.timer = setTimeout(() => send(section, state), wait);
  }
}

export const refetchAll = () => sections().forEach(refetch);

function wants(section, event) {
  const { live, liveRun, liveAgent } = section.dataset;
  if (!live.split(" ").includes(event.type)) return false;
  if (liveRun && event.payload?.runId && event.payload.runId !== liveRun) return false;
  return !(liveAgent && event.payload?.agentId && event.payload.agentId !== liveAgent);
}

export function refetchFor(event) {
  for (const section of sections()) if (wants(section, event)) refetch(section);
}

function refetchDue() {
  const now = performance.now();
  for (const section of document.querySelectorAll("[data-every]")) {
    const state = stateOf(section);
    const since = state.last === -Infinity ? now : now - state.last;
    if (since >= Number(section.dataset.every) * 1000) refetch(section);
  }
}

function settled(section) {
  const state = known.get(section);
  if (!state) return;
  state.busy = false;
  if (state.dirty) refetch(section);
}

export function startRefetching() {
  document.addEventListener("htmx:afterRequest", (e) => settled(e.detail.elt));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const section of sections()) if (stateOf(section).dirty) refetch(section);
  });
  setInterval(refetchDue, 1000);
}
