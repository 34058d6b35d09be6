// Runs before the first paint, so that a remembered theme never flashes the other one.
(() => {
  try {
    const theme = localStorage.getItem("everbeat-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's preference then decides.
  }
})();
