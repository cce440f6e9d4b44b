/**
 * The publish API between a packager and the edge. Every call is a PUT with `Authorization: Bearer <stream key>`
 * and `Corral-Publisher: <random id of the publishing process>`, safe to repeat:
 *
 *   PUT /ingest/{stream}/{broadcast}                           JSON `BroadcastConfig`: opens the broadcast; with
 *                                                              `playback`, a new one sets who may watch the stream
 *   PUT /ingest/{stream}/{broadcast}/{track}/init-{v}.mp4      an init section, before the first part that needs it
 *   PUT /ingest/{stream}/{broadcast}/{track}/{msn}.{part}.m4s  a part; header `Corral-Part`: JSON `PartMeta`
 *   PUT /ingest/{stream}/{broadcast}/end                       empty: no more media will come
 *
 * A segment is complete with its last part (`PartMeta.close`), so a segment never exists without its last part.
 * Success is 200 with `PublishProgress`. Failures are RFC 9457 problem documents with a `type` from `PUBLISH_PROBLEM_TYPES`.
 */
import type { TrackName } from "../kit/ids.ts";

/** Header that carries `PartMeta` as JSON. */
export const PART_HEADER = "corral-part";
/** Header that names the publishing process. */
export const PUBLISHER_HEADER = "corral-publisher";

/** Where one track stands at the edge. */
export interface TrackProgress {
  /** Last segment in R2 and in the index; -1 before the first. Parts up to it need not be kept. */
  readonly durableMsn: number;
  /** The part that the edge wants next. */
  readonly next: { readonly msn: number; readonly part: number };
  /** Init versions that the edge holds. */
  readonly inits: readonly number[];
}

/** What every successful PUT answers, and what an `out-of-order` problem carries beside its own members. */
export interface PublishProgress {
  /** Changes when the edge lost its memory: resend what is not durable from `next` on. */
  readonly epoch: string;
  readonly tracks: Readonly<Record<TrackName, TrackProgress>>;
}

/** Problem types of this API, relative references as sent in `type`. */
export const PUBLISH_PROBLEM_TYPES = {
  /** 401: no stream key was sent. */
  keyMissing: "/problems/key-missing",
  /** 403: the stream key is not this stream's. */
  keyWrong: "/problems/key-wrong",
  /** 403: the operator or a host has stopped the stream, as `detail` says; no key publishes until that is undone. */
  stopped: "/problems/stopped",
  /** 409: another publisher is live on this stream; try later or stop the other one. */
  alreadyLive: "/problems/already-live",
  /** 409: carries `PublishProgress`'s members; resend that track from `next`. */
  outOfOrder: "/problems/out-of-order",
  /** 409: the init section that this part needs has not come; send it first. */
  initMissing: "/problems/init-missing",
  /** 409: the edge knows no such broadcast: open it first. */
  notOpen: "/problems/not-open",
  /** 410: the broadcast has ended; open another. */
  ended: "/problems/ended",
  /** 408: the body came too slowly, or not at all; send it again. */
  tooSlow: "/problems/too-slow",
  /** 413: over a limit named in `detail`. */
  tooLarge: "/problems/too-large",
  /** 429 with `Retry-After`: many wrong keys came from this network. */
  tooMany: "/problems/too-many-requests",
  /** 400: the request does not fit this API; `detail` says how. */
  malformed: "/problems/malformed",
  /** 503 with `Retry-After`: come back. */
  unavailable: "/problems/unavailable",
} as const;
