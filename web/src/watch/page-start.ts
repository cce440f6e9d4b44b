/** What the watch page knows when it opens: its address, the viewer's stored choice, and what the edge wrote into the document. */
import type { Clock } from "../../../core/kit/clock.ts";
import { loadPreference } from "../kit/viewer-session.ts";
import { type DelayWish, parseDelayWish } from "../player/delay-choice.ts";
import type { EarlyFlow } from "../player/flow/early-flow.ts";
import { type CarriedStatus, parseWatchStatus, type WatchStatus } from "../player/status.ts";

/** Where the viewer's choice of the delay is kept. */
export const DELAY_STORAGE_KEY = "corral.delay";

declare global {
  interface Window {
    /** What the page's first script has asked for; null: nothing, or the player has it. */
    corralEarlyFlow?: EarlyFlow | null;
  }
}

/** The stream's name in a path, as it was written. */
export function streamNameOf(path: string): string {
  const encoded = path.replace(/^\/(watch|embed)\/?/, "").replace(/\/$/, "");
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** Whether this is the player alone, in a frame of another page. */
export const isEmbedPath = (path: string): boolean => /^\/embed(\/|$)/.test(path);

/** What the address of an embedded player says about its start: not before the viewer wants it (`autoplay=0`), silent (`muted=1`). */
export function readStart(): { readonly isHeld: boolean; readonly isMuted: boolean } {
  const query = new URLSearchParams(isEmbedPath(location.pathname) ? location.search : "");
  return { isHeld: query.get("autoplay") === "0", isMuted: query.get("muted") === "1" };
}

/** The wish in the address, or null. */
export const readAddressDelayWish = (): DelayWish | null =>
  parseDelayWish(new URLSearchParams(location.search).get("delay"));

/** The wish in the address, else the stored one. */
export function readDelayWish(): DelayWish {
  return readAddressDelayWish() ?? parseDelayWish(loadPreference(DELAY_STORAGE_KEY)) ?? "fastest";
}

/** The status in the document, if the edge knew it when it answered; null also for a document from the browser's history. */
export function readPageStatus(clock: Clock): { readonly carried: CarriedStatus; readonly watch: WatchStatus } | null {
  const written = document.querySelector<HTMLMetaElement>("meta[name=corral-status]")?.content ?? "";
  const [navigation] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  if (written === "" || navigation?.type === "back_forward") return null;
  const { atMs, status } = JSON.parse(written) as { atMs: number; status: unknown };
  const watch = parseWatchStatus(status);
  // The document was asked for when the page began.
  return watch === null
    ? null
    : { carried: { body: status, atMs, askedMs: clock.nowMs() - clock.monotonicMs() }, watch };
}
