/**
 * Broadcast Performance Metrics: what OBS tells of itself in each keyframe of multitrack video ("Enhanced Broadcasting"), as
 * three messages of unregistered user data. A message is a UUID, time stamps, and counters since the track's last keyframe.
 */
import type { IngestVideoCodec } from "../media-event.ts";
import { readUserData } from "../nal/user-data.ts";

/** UUIDs of the messages: time stamps, metrics of the session, metrics of the rendition. */
const MESSAGE_UUIDS = {
  times: "0aecffe752724e2fa62fd19cd61a93b5",
  session: "ca60e71c6a8b4388a377151df7bf8ac2",
  rendition: "f1fbc1d5101e4fb5a61eb8ce3c07b8c0",
} as const;
const UUID_BYTES = 16;

/** Types of a time stamp: text of RFC 3339 that ends with a zero byte, milliseconds since the epoch, and a difference. */
const TIME_TYPES = { text: 1, epochMs: 2, difference: 3 } as const;
/** Bytes of a time stamp's text at most; `2026-01-31T12:26:03.591Z` has 24. */
const TIME_TEXT_BYTES = 64;

/** Tags of time stamps and of counters, in the order of their numbers, which begin at 1. */
const TIME_TAGS = ["composedMs", "encodeRequestMs", "encodedMs", "queuedMs"] as const;
const SESSION_TAGS = ["rendered", "lagged", "dropped", "output"] as const;
const RENDITION_TAGS = ["input", "skipped", "encoded"] as const;

/** Times by the sender's clock, milliseconds since the epoch; null: not told. */
export type EncodingTimes = Readonly<Record<(typeof TIME_TAGS)[number], number | null>>;
/** Frames of all renditions since the last keyframe: composed, composed late, dropped by the network, sent. */
export type SessionFrames = Readonly<Record<(typeof SESSION_TAGS)[number], number>>;
/** Frames of one rendition since the last keyframe: given to the encoder, skipped by it, encoded. */
export type RenditionFrameCounts = Readonly<Record<(typeof RENDITION_TAGS)[number], number>>;

/** The metrics of one keyframe. */
export interface BroadcastMetrics {
  readonly times: EncodingTimes | null;
  readonly session: SessionFrames | null;
  readonly rendition: RenditionFrameCounts | null;
}

/** The metrics in a coded picture, as `IngestFrame.data` has it; null without any. Malformed messages are left out. */
export function readBroadcastMetrics(codec: IngestVideoCodec, data: Uint8Array): BroadcastMetrics | null {
  let times: EncodingTimes | null = null;
  let session: SessionFrames | null = null;
  let rendition: RenditionFrameCounts | null = null;
  for (const message of readUserData(codec, data)) {
    if (message.length <= UUID_BYTES) continue;
    const uuid = toHex(message.subarray(0, UUID_BYTES));
    const reader = new MessageReader(message.subarray(UUID_BYTES));
    if (uuid === MESSAGE_UUIDS.times) times = reader.times() ?? times;
    else if (uuid === MESSAGE_UUIDS.session) session = reader.countersAfterTimes(SESSION_TAGS) ?? session;
    else if (uuid === MESSAGE_UUIDS.rendition) rendition = reader.countersAfterTimes(RENDITION_TAGS) ?? rendition;
  }
  return times === null && session === null && rendition === null ? null : { times, session, rendition };
}

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The body of a message. Counts have 4 bits, so that a message is bounded by its own. */
class MessageReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Whether a field was cut off or of an unknown type. */
  #isMalformed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The time stamps; null if the message is malformed. */
  times(): EncodingTimes | null {
    const times: Record<(typeof TIME_TAGS)[number], number | null> = {
      ...{ composedMs: null, encodeRequestMs: null, encodedMs: null, queuedMs: null },
    };
    for (let count = this.#count(); count > 0 && !this.#isMalformed; count -= 1) {
      const [type, tag] = [this.#number(1), this.#number(1)];
      const timeMs = this.#time(type);
      const name = TIME_TAGS[tag - 1];
      if (name !== undefined) times[name] = timeMs;
    }
    return this.#isMalformed ? null : times;
  }

  /** The counters of these tags, which follow time stamps; null if the message is malformed or lacks one. */
  countersAfterTimes<Tag extends string>(tags: readonly Tag[]): Readonly<Record<Tag, number>> | null {
    this.times();
    const counters = new Map<string, number>();
    for (let count = this.#count(); count > 0 && !this.#isMalformed; count -= 1) {
      const [tag, value] = [this.#number(1), this.#number(4)];
      const name = tags[tag - 1];
      if (name !== undefined) counters.set(name, value);
    }
    if (this.#isMalformed || counters.size < tags.length) return null;
    return Object.fromEntries(counters) as Record<Tag, number>;
  }

  /** A count, less one, in the lower 4 bits. */
  #count(): number {
    return (this.#number(1) & 15) + 1;
  }

  #number(bytes: number): number {
    if (this.#at + bytes > this.#bytes.length) this.#isMalformed = true;
    let value = 0;
    for (let i = 0; i < bytes; i += 1) value = value * 256 + (this.#bytes[this.#at + i] ?? 0);
    this.#at += bytes;
    return value;
  }

  #time(type: number): number | null {
    if (type === TIME_TYPES.epochMs) return this.#number(8);
    if (type === TIME_TYPES.difference) {
      this.#number(8);
      return null;
    }
    const end = type === TIME_TYPES.text ? this.#bytes.indexOf(0, this.#at) : -1;
    if (end === -1 || end - this.#at > TIME_TEXT_BYTES) {
      this.#isMalformed = true;
      return null;
    }
    const timeMs = Date.parse(String.fromCharCode(...this.#bytes.subarray(this.#at, end)));
    this.#at = end + 1;
    return Number.isFinite(timeMs) ? timeMs : null;
  }
}
