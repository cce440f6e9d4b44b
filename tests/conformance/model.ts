/** The observations of a conformance run, and verdicts on rules. */

import type { FragmentFacts, InitFacts } from "./media-facts.ts";
import type { MediaPlaylist, MultivariantPlaylist } from "./playlist-reader.ts";

/** `not-checked`: the run collected no evidence, which is no pass. */
export type RuleStatus = "held" | "broken" | "not-checked" | "not-applicable";

/** The result of one rule, with the evidence in a phrase. */
export interface RuleVerdict {
  readonly status: RuleStatus;
  readonly evidence: string;
}

/** A rule's reported verdict. */
export interface RuleResult extends RuleVerdict {
  readonly rule: number;
  readonly title: string;
}

/** One request and its response. Times are milliseconds since the epoch; `status` 0 means no response. */
export interface Exchange {
  readonly url: string;
  readonly sentMs: number;
  readonly firstByteMs: number;
  readonly doneMs: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Decoded body. */
  readonly body: Uint8Array;
  /** Why the response is incomplete. */
  readonly failure?: string;
}

/** The directives of a playlist request. */
export interface ReloadDirectives {
  readonly msn?: number;
  readonly part?: number;
  readonly skip?: "YES" | "v2";
}

/** A playlist request and its parsed response. */
export interface PlaylistReload {
  readonly directives: ReloadDirectives;
  readonly exchange: Exchange;
  readonly playlist: MediaPlaylist | null;
}

/** A full playlist and the delta update requested at the same moment. */
export interface DeltaPair {
  readonly before: MediaPlaylist;
  readonly full: PlaylistReload;
  readonly delta: PlaylistReload;
}

/** A fetched part, segment or init section, without its bytes. */
export interface MediaFetch {
  readonly uri: string;
  readonly kind: "part" | "segment" | "init" | "iframe";
  readonly exchange: Exchange;
  readonly byteLength: number;
  /** Requested because of a hint, before it was listed. */
  readonly hinted: boolean;
  readonly fragment: FragmentFacts | null;
  readonly msn: number;
}

/** A media playlist that was followed. */
export interface TrackLog {
  readonly url: string;
  readonly kind: "video" | "audio" | "iframes";
  /** The plain first request and the blocking ones after it, in order of their responses. */
  readonly reloads: PlaylistReload[];
  readonly deltas: DeltaPair[];
  readonly media: Map<string, MediaFetch>;
  readonly inits: Map<string, InitFacts>;
  /** When a part's tag or a segment was first missing, by URI. */
  readonly removedMs: Map<string, number>;
  /** Fetches of parts and segments after they had left the playlist. */
  readonly fetchesAfterRemoval: {
    readonly uri: string;
    readonly kind: "part" | "segment";
    readonly exchange: Exchange;
  }[];
  readonly failures: string[];
}

/** A single probe of the server, by name; see `probes.ts`. */
export interface PlaylistProbe {
  readonly name: ProbeName;
  readonly directives: ReloadDirectives;
  readonly exchange: Exchange;
  readonly playlist: MediaPlaylist | null;
  /** The playlist from which the probe was made. */
  readonly from: MediaPlaylist;
  readonly track: TrackLog;
}

/** The probes of a live playlist. */
export type ProbeName =
  | "whole-segment"
  | "past-the-last-part"
  | "slid-out"
  | "part-without-msn"
  | "msn-too-far"
  | "part-too-far"
  | "skip"
  | "skip-v2"
  | "plain"
  | "unknown-media"
  | "future-part"
  | "missing-playlist"
  | "missing-playlist-blocking"
  | "repeat"
  | "herd-playlist"
  | "herd-media"
  | "iframes-blocking"
  | "before-window"
  | "ended-directives"
  | "ended-skip";

/** All observations of a run. */
export interface Observation {
  readonly url: string;
  readonly multivariant: MultivariantPlaylist;
  readonly multivariantExchange: Exchange;
  /** Video and audio playlists. */
  readonly tracks: readonly TrackLog[];
  readonly iframes: readonly TrackLog[];
  readonly probes: readonly PlaylistProbe[];
  readonly tls: { readonly protocol: string; readonly alpn: string } | null;
  readonly expectEnd: boolean;
  readonly seconds: number;
}

/** A rule's check. */
export type RuleCheck = (seen: Observation) => RuleVerdict;

/** The rule holds, on this evidence. */
export const ruleHeld = (evidence: string): RuleVerdict => ({ status: "held", evidence });
/** The rule is broken, on this evidence. */
export const ruleBroken = (evidence: string): RuleVerdict => ({ status: "broken", evidence });
/** The run has no evidence. */
export const ruleNotChecked = (evidence: string): RuleVerdict => ({ status: "not-checked", evidence });
/** The rule does not apply to this stream or place. */
export const ruleNotApplicable = (evidence: string): RuleVerdict => ({ status: "not-applicable", evidence });

/** Broken with the first of `faults` and their number; held without any among `count` items; else not checked. */
export function verdictFromFaults(faults: readonly string[], count: number, what: string): RuleVerdict {
  if (faults.length > 0) {
    return ruleBroken(faults.length === 1 ? (faults[0] ?? "") : `${faults[0]} (and ${faults.length - 1} more)`);
  }
  return count > 0 ? ruleHeld(`${count} ${what}`) : ruleNotChecked(`no ${what} seen`);
}
