/** The landing page: opens the entered stream, and shows whether the demo is live. */
import "../kit/base.css";
import "./landing.css";
import { parseStreamName } from "../../../core/kit/ids.ts";
import { parseWatchStatus } from "../player/status.ts";

const form = document.getElementById("go");
const input = document.getElementById("name");
const hint = document.getElementById("hint");

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!(input instanceof HTMLInputElement) || hint === null) return;
  const name = parseStreamName(input.value.trim().toLowerCase() || "demo");
  if (name !== null) {
    location.assign(`/watch/${name}`);
    return;
  }
  hint.textContent = "A stream name has lowercase letters, digits, - and _, and starts with a letter or digit.";
  input.setAttribute("aria-invalid", "true");
  input.focus();
});

async function showDemo(): Promise<void> {
  const answer = await fetch("/api/streams/demo");
  const source = answer.ok ? parseWatchStatus(await answer.json())?.source : undefined;
  const state = document.getElementById("demo-state");
  const badge = document.getElementById("demo-badge");
  if (source === undefined || state === null || badge === null) return;
  badge.hidden = source.state !== "live";
  if (source.state === "live") state.textContent = "Live now";
  if (source.state === "ended") state.textContent = "Ended; recording available";
}

// The page works without the badge.
showDemo().catch(() => undefined);
