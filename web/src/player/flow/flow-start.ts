/** The rendition and the address of a flow response; pure. */
import { type FlowRung, rungFor } from "./flow-abr.ts";

/** Before the first measurement: assumed bits per second, and the share of the browser's own estimate that is used. */
const START_LIMITS = { defaultBps: 4_000_000, estimateShare: 0.8 } as const;

/** What is assumed of the link; `downlinkMbps` is the browser's estimate (`navigator.connection`). */
export const assumedLinkBps = (downlinkMbps: number | undefined): number =>
  downlinkMbps !== undefined && downlinkMbps > 0
    ? downlinkMbps * 1e6 * START_LIMITS.estimateShare
    : START_LIMITS.defaultBps;

/** The rung that a player begins with: what the link carries, at most what `lines` device pixels of height are worth. */
export const chooseStartRung = (rungs: readonly FlowRung[], linkBps: number, lines: number): number =>
  Math.min(rungFor(rungs, linkBps), largestRungFor(rungs, lines));

/** The smallest rung with as many lines as the element has on screen; the last one if the element has no size. */
export function largestRungFor(rungs: readonly FlowRung[], lines: number): number {
  const enough = rungs.findIndex(({ name }) => heightOf(name) >= lines);
  return enough === -1 || lines === 0 ? rungs.length - 1 : enough;
}

/** Height in a track's name; 0 if it has none. */
export const heightOf = (name: string): number => Number(/^(\d+)p/.exec(name)?.[1] ?? 0);

/** Address of a broadcast's flow at `edge`, like `https://live.example`, or empty for the page's own; without its parameters. */
export const flowAddress = (edge: string, stream: string, broadcast: string): string =>
  `${edge}/live/${stream}/${broadcast}/flow.mp4`;

/** The parameters of a response; `null`: without this track. */
export const flowQuery = (video: string | null, audio: string | null, join: "latest" | "next"): string =>
  new URLSearchParams({ video: video ?? "none", audio: audio ?? "none", join }).toString();
