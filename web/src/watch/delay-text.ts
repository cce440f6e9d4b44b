/** The delay as the control bar shows it; pure. */
import type { FlowObstacle } from "../player/delay-choice.ts";

/** Behind the live edge by less than this is watching live: part targets of LL-HLS are within it. */
const LIVE_WITHIN_S = 4;

/** What is shown of the delay: at the live edge the least digits that tell flow from LL-HLS, behind it the whole time. */
export function describeDelay(delayS: number | null, edgeDistanceS: number | null): string {
  if (delayS === null || edgeDistanceS === null) return "";
  const shownS = Math.max(0, delayS);
  if (edgeDistanceS < LIVE_WITHIN_S && shownS < 60) return `${shownS.toFixed(1)} s`;
  const whole = Math.round(shownS);
  if (whole < 60) return `${whole} s behind`;
  const [hours, minutes, seconds] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const padded = String(seconds).padStart(2, "0");
  return `${hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes}:${padded} behind`;
}

/** Why the page plays LL-HLS although the viewer chose the least delay. */
export const OBSTACLE_TEXTS: Readonly<Record<FlowObstacle, string>> = {
  unsupported: "This browser can’t play this stream with the least delay.",
  "slow-start": "The least delay took too long to start. It is tried again in a minute.",
  failing: "The least delay failed here. It is tried again in a minute.",
  "no-media": "The broadcast has gaps. The least delay is tried again in a minute.",
  "slow-link": "Your connection is too slow for the least delay. It is tried again in a minute.",
  behind: "You went back in time. The least delay returns with the live picture.",
  recording: "The broadcast has ended.",
};

/** The same for a note that appears by itself: null for what the viewer knows, or cannot change. */
export const fallbackNote = (obstacle: FlowObstacle | null): string | null =>
  obstacle === null || obstacle === "unsupported" || obstacle === "behind" || obstacle === "recording"
    ? null
    : OBSTACLE_TEXTS[obstacle];
