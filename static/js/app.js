// The one entry of every page.
import { startActions } from "./actions.js";
import { startLive } from "./live.js";
import { registerPatch } from "./patch.js";
import { startTicking } from "./time.js";

registerPatch(window.htmx);
startTicking();
startActions();
startLive();
