/** Delivery directives (§6.2.5): parsed once from a request, then decided against a broadcast's state. */
import type { BroadcastState } from "../../broadcast/broadcast-log.ts";
import { findSegment } from "../../broadcast/segment-window.ts";
import { lastClosedMsn, lastPartOf, nextPartOf, requireTrackState } from "../../broadcast/track-position.ts";
import type { TrackName } from "../../kit/ids.ts";
import type { SkipDirective } from "./media-playlist.ts";
import { advancePartLimit } from "./timing.ts";

/** Limits of a request. */
const DIRECTIVE_LIMITS = {
  /** A segment per second for 30,000 years; a longer number is not from a playlist. Answered 400. */
  directiveDigits: 12,
  /** Entries by which the replica that hinted a part may be ahead of the requested one. */
  hintLead: 1,
} as const;

/** The directives of a playlist request. */
export interface DeliveryDirectives {
  readonly msn?: number;
  readonly part?: number;
  readonly skip: SkipDirective;
}

/** Reads the directives; `error` is a sentence for a 400. Other parameters are ignored. */
export function parseDirectives(params: URLSearchParams): DeliveryDirectives | { error: string } {
  const msn = parseNumber(params, "_HLS_msn");
  if (typeof msn === "object") return msn;
  const part = parseNumber(params, "_HLS_part");
  if (typeof part === "object") return part;
  const skips = params.getAll("_HLS_skip");
  if (skips.length > 1) return { error: "Send _HLS_skip once." };
  // §6.2.5.2: "If the Playlist URI contains an _HLS_part directive but no _HLS_msn directive, the Server MUST return Bad
  // Request, such as HTTP 400."
  if (part !== undefined && msn === undefined) return { error: "Send _HLS_msn with _HLS_part, or neither." };
  const skip = skips[0] === "YES" || skips[0] === "v2" ? skips[0] : "none";
  return { skip, ...(msn === undefined ? {} : { msn }), ...(part === undefined ? {} : { part }) };
}

function parseNumber(params: URLSearchParams, name: string): number | undefined | { error: string } {
  const values = params.getAll(name);
  if (values.length > 1) return { error: `Send ${name} once.` };
  const text = values[0];
  if (text === undefined) return undefined;
  if (!/^[0-9]+$/.test(text)) return { error: `Send ${name} as a decimal number without sign, such as ${name}=7.` };
  if (text.length > DIRECTIVE_LIMITS.directiveDigits) {
    return {
      error: `Send ${name} with at most ${DIRECTIVE_LIMITS.directiveDigits} digits, counted from the playlist's own numbers.`,
    };
  }
  return Number(text);
}

/** The canonical query of all requests with these directives: empty, or `?…` in a fixed order. */
export function canonicalQuery(directives: DeliveryDirectives): string {
  const pairs: string[] = [];
  if (directives.msn !== undefined) pairs.push(`_HLS_msn=${directives.msn}`);
  if (directives.part !== undefined) pairs.push(`_HLS_part=${directives.part}`);
  if (directives.skip !== "none") pairs.push(`_HLS_skip=${directives.skip}`);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** The entry that a blocking reload waits for; `part: null` means the whole segment. */
export interface BlockingTarget {
  readonly msn: number;
  readonly part: number | null;
}

/** The handling of a playlist request. */
export type ReloadDecision =
  | { readonly kind: "now" }
  | ({ readonly kind: "wait" } & BlockingTarget)
  | { readonly kind: "refuse"; readonly status: 400; readonly detail: string };

/** Decides a playlist request. Throws `RangeError` for an unknown track. */
export function decideReload(state: BroadcastState, track: TrackName, directives: DeliveryDirectives): ReloadDecision {
  const { msn } = directives;
  if (msn === undefined) return { kind: "now" };
  const wait: BlockingTarget = { msn, part: directives.part ?? null };
  if (isReloadSatisfied(state, track, wait)) return { kind: "now" };

  const trackState = requireTrackState(state, track);
  // §6.2.5.2: "If the _HLS_msn is greater than the Media Sequence Number of the last Media Segment in the current Playlist
  // plus two, or if the _HLS_part exceeds the last Partial Segment in the current Playlist by the Advance Part Limit,
  // then the server SHOULD immediately return Bad Request, such as HTTP 400."
  const lastMsn = lastClosedMsn(trackState);
  if (msn > lastMsn + 2) {
    return refuse(`Segment ${msn} is too far ahead: the last one is ${lastMsn}. Ask for at most ${lastMsn + 2}.`);
  }
  if (wait.part === null) return { kind: "wait", ...wait };

  const last = lastPartOf(trackState) ?? { msn: trackState.mediaSequence - 1, part: -1 };
  if (msn === last.msn && msn <= lastMsn) {
    // §6.2.5.2: "If the Client requests a Part Index greater than that of the final Partial Segment of the Parent Segment,
    // the Server MUST treat the request as one for Part Index 0 of the following Parent Segment."
    return { kind: "wait", msn: msn + 1, part: 0 };
  }
  // A segment between the last part and the requested one has at least one part.
  const ahead = msn === last.msn ? wait.part - last.part : wait.part + (msn - last.msn);
  const limit = advancePartLimit(trackState.track.partTargetMs);
  if (ahead > limit) {
    const next = nextPartOf(trackState);
    return refuse(
      `Part ${wait.part} of segment ${msn} is too far ahead: ask for part ${next.part} of segment ${next.msn}, ` +
        `or at most ${limit} parts past the last one.`,
    );
  }
  return { kind: "wait", ...wait };
}

function refuse(detail: string): ReloadDecision {
  return { kind: "refuse", status: 400, detail };
}

/** Whether the playlist now satisfies a reload; to be checked after each entry. Throws as `decide` does. */
export function isReloadSatisfied(state: BroadcastState, track: TrackName, wait: BlockingTarget): boolean {
  // §6.2.5.2: "A Server MUST ignore _HLS_msn and _HLS_part if the Playlist contains an EXT-X-ENDLIST tag."
  if (state.ended) return true;
  const trackState = requireTrackState(state, track);
  // §6.2.5.2: "The Server MUST deliver the entire Playlist, even if the requested Media Segment is not the last one in the
  // Playlist, and even if it is no longer in the Playlist."
  if (wait.msn < trackState.mediaSequence) return true;
  // §6.2.5.2: "... _HLS_msn directive and no _HLS_part directive, the Server MUST defer responding ... until the Playlist
  // contains a Media Segment with a Media Sequence Number of M or later."
  if (wait.part === null) return lastClosedMsn(trackState) >= wait.msn;
  // §6.2.5.2: "... until the Playlist contains the Partial Segment with Part Index N and with a Media Sequence Number of M
  // or later." A part of a later segment also answers for a part past the last of this one.
  const last = lastPartOf(trackState);
  return last !== null && (last.msn > wait.msn || (last.msn === wait.msn && last.part >= wait.part));
}

/**
 * The handling of a part request. `ready`: published, or removed from the window (then storage knows);
 * `wait`: decide again after the next entry; `not-found`: it will not be published.
 */
export type PartRequestDecision =
  | { readonly kind: "ready" }
  | { readonly kind: "wait" }
  | { readonly kind: "not-found" };

/** Decides a part request. Throws `RangeError` for an unknown track. */
export function decidePartRequest(
  state: BroadcastState,
  track: TrackName,
  msn: number,
  part: number,
): PartRequestDecision {
  const trackState = requireTrackState(state, track);
  if (msn < trackState.mediaSequence) return { kind: "ready" };
  const known = findSegment(trackState, msn);
  const listed = known?.parts[part];
  if (listed !== undefined) return { kind: listed.gap ? "not-found" : "ready" };
  // §6.2.6: "The server SHOULD respond with "Not Found" ... to a request for a resource that it cannot find and that is
  // not specified by an EXT-X-PRELOAD-HINT tag in an active Media Playlist."
  if (state.ended || known?.closed === true) return { kind: "not-found" };
  // §6.2.6: "A hinted resource MUST be available for request when its EXT-X-PRELOAD-HINT tag is added to the Playlist."
  // The hint may come from a replica that is one entry ahead.
  const next = nextPartOf(trackState);
  const inReach =
    msn === next.msn
      ? part <= next.part + DIRECTIVE_LIMITS.hintLead
      : msn === next.msn + 1 && part < DIRECTIVE_LIMITS.hintLead;
  return { kind: inReach ? "wait" : "not-found" };
}
