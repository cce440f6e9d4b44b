/** Which viewers report: as many as the sums need, however many watch; pure. */
import { hash32 } from "../kit/hash.ts";

/** Viewers of a stream that report, in expectation: one event each five minutes, and one at start, end and stall. */
const REPORTING_VIEWERS = 500;

/** What the edge accepts beyond its own share: the viewer's count may be of another isolate, or older. */
const SLACK = 2;

/** The share of a stream's viewers that report. */
export function reportShare(viewers: number): number {
  return Math.min(1, REPORTING_VIEWERS / Math.max(1, viewers));
}

/** Whether the session reports. Page and edge decide alike: a session that does with a smaller share does with a larger one. */
export function isSampled(sid: string, share: number): boolean {
  return hash32(sid) < share * 2 ** 32;
}

/** Whether the edge counts the session's reports. */
export function isAccepted(sid: string, viewers: number): boolean {
  return isSampled(sid, SLACK * reportShare(viewers));
}
