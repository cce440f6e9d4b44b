/**
 * The publish API between a packager and the edge. Every call is a PUT with `Authorization: Bearer <stream key>`, or a publish
 * token, and `Corral-Publisher: <random id of the publishing process>`, safe to repeat:
 *
 *   PUT /ingest/{stream}/{broadcast}                           JSON `BroadcastConfig`: opens the broadcast; with
 *                                                              `playback`, a new one sets who may watch the stream
 *   PUT /ingest/{stream}/{broadcast}/{track}/init-{v}.mp4      an init section, before the first part that needs it
 *   PUT /ingest/{stream}/{broadcast}/{track}/{msn}.{part}.m4s  a part; header `Corral-Part`: JSON `PartMeta`
 *   PUT /ingest/{stream}/{broadcast}/chunks                    chunks of any tracks (`chunk-bundle.ts`), while `PublishProgress`
 *                                                              says that they are wanted; 409 `chunks-missing`: send their
 *                                                              parts whole
 *   PUT /ingest/{stream}/{broadcast}/{track}/{msn}.{part}.rest.m4s
 *                                                              a part whose first frames were sent as chunks: the others; header
 *                                                              `Corral-Chunks` besides `Corral-Part`; 409 `chunks-missing`: send
 *                                                              it whole. An edge that does not know chunks refuses the address
 *   PUT /ingest/{stream}/{broadcast}/end                       empty: no more media will come
 *   PUT /ingest/{stream}/{broadcast}/handover                  empty: takes the broadcast over from a publisher that is live,
 *                                                              with a key of the role `backup`, or with `?handover`
 *
 * A segment is complete with its last part (`PartMeta.close`), so a segment never exists without its last part.
 * Success is 200 with `PublishProgress`. Failures are RFC 9457 problem documents with a `type` from `PUBLISH_PROBLEM_TYPES`.
 */
import { problemTypeUri } from "../api/problems.ts";
import type { TrackName } from "../kit/ids.ts";

/** Header that carries `PartMeta` as JSON. */
export const PART_HEADER = "corral-part";
/** Header of a part whose first frames were sent as chunks: JSON of `ChunkedPartForm`. */
export const CHUNKS_HEADER = "corral-chunks";
/** Header that names the publishing process. */
export const PUBLISHER_HEADER = "corral-publisher";

/** Ends the address of a part whose first frames were sent as chunks. */
const REST_SUFFIX = ".rest.m4s";

/** The address of a part, whose first frames were sent as chunks, in its track. */
export const restPath = (msn: number, part: number): string => `${msn}.${part}${REST_SUFFIX}`;

/** The file of the part whose rest `file` is; null for another file. */
export const partFileOfRest = (file: string): string | null =>
  file.endsWith(REST_SUFFIX) ? `${file.slice(0, -REST_SUFFIX.length)}.m4s` : null;

/** The position of one track at the edge. */
export interface TrackProgress {
  /** Last segment in R2 and in the index; -1 before the first. Parts up to it can be dropped. */
  readonly durableMsn: number;
  /** The next expected part. */
  readonly next: { readonly msn: number; readonly part: number };
  /** Init versions that the edge holds. */
  readonly inits: readonly number[];
}

/** The response to every successful PUT, also included in `out-of-order` problems. */
export interface PublishProgress {
  /** Changes if the edge lost its memory: resend parts that are not durable from `next` on. */
  readonly epoch: string;
  readonly tracks: Readonly<Record<TrackName, TrackProgress>>;
  /** Viewers take chunks: send them beside the parts. */
  readonly chunks?: true;
  /** Time between two requests with chunks, milliseconds: with many feeds fewer and larger ones are wanted. */
  readonly chunkMs?: number;
}

/** A problem of this API. */
export type PublishProblem =
  | "keyMissing"
  | "keyWrong"
  | "keyExpired"
  | "keyUsed"
  | "tokenWrong"
  | "stopped"
  | "alreadyLive"
  | "replaced"
  | "outOfOrder"
  | "initMissing"
  | "chunksMissing"
  | "notOpen"
  | "ended"
  | "tooSlow"
  | "tooLarge"
  | "tooMany"
  | "malformed"
  | "unavailable";

/** Problem types of this API, as sent in `type`; `core/api/problems.ts` has their meanings. */
export const PUBLISH_PROBLEM_TYPES: Readonly<Record<PublishProblem, string>> = {
  keyMissing: problemTypeUri("key-missing"),
  keyWrong: problemTypeUri("key-wrong"),
  keyExpired: problemTypeUri("key-expired"),
  keyUsed: problemTypeUri("key-used"),
  tokenWrong: problemTypeUri("publish-token-wrong"),
  stopped: problemTypeUri("stopped"),
  alreadyLive: problemTypeUri("already-live"),
  replaced: problemTypeUri("replaced"),
  outOfOrder: problemTypeUri("out-of-order"),
  initMissing: problemTypeUri("init-missing"),
  chunksMissing: problemTypeUri("chunks-missing"),
  notOpen: problemTypeUri("not-open"),
  ended: problemTypeUri("ended"),
  tooSlow: problemTypeUri("too-slow"),
  tooLarge: problemTypeUri("too-large"),
  tooMany: problemTypeUri("too-many-requests"),
  malformed: problemTypeUri("malformed"),
  unavailable: problemTypeUri("unavailable"),
};
