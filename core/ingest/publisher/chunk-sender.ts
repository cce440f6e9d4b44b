/**
 * Sends frames ahead of the parts that they begin, while the edge wants them: one request a tick with all tracks' new chunks,
 * a few under way at once. What the edge has confirmed is left out of the part; frames whose answer is late are sent once more,
 * in the part. A part whose chunks were lost is sent whole.
 */
import type { PartMeta } from "../../broadcast/broadcast-log.ts";
import type { TrackChunk } from "../../broadcast/part-chunks.ts";
import { comparePartPositions, type PartPosition } from "../../broadcast/track-position.ts";
import { isSameBytes } from "../../kit/bytes.ts";
import { type Clock, sleep, withTimeout } from "../../kit/clock.ts";
import type { TrackName } from "../../kit/ids.ts";
import { assemblePart, cutChunk } from "../../media/cmaf/chunk.ts";
import type { ChunkOutput } from "../../media/cmaf/part-writer.ts";
import { type ChunkedPart, encodeChunkBundle } from "../chunk-bundle.ts";
import type { PublishProgress } from "../publish-api.ts";
import type { PublishResponse } from "./publish-client.ts";

/** Limits, each with its reason. */
const CHUNK_SENDER_LIMITS = {
  /** Requests begin at least this far apart unless the edge asks for another interval: a frame of 30 fps. */
  tickMs: 33,
  /** The longest interval that an edge may ask for. */
  mostTickMs: 200,
  /** Requests under way at once: on a path of 130 ms each tick still carries its frames. With more they wait, and are bundled. */
  underWay: 4,
  /** A request waits this long for the other tracks' frames of the same moment. */
  gatherMs: 3,
  /** A part waits this long for the answers to its chunks. Then the frames without an answer are sent once more, in the part. */
  partWaitMs: 40,
  /** A request without an answer within this time is given up. */
  requestMs: 1_000,
  /** Parts of a track whose chunks are kept until they are taken: those that are not never came to be sent. */
  begunParts: 4,
  /** Bytes of a request. With more waiting, the link is too slow for frames: parts are sent whole. */
  bundleBytes: 4_194_304,
} as const;

/** What passes frames on as chunks: a packager. */
export interface ChunkSource {
  passChunksTo(listener: ((chunk: ChunkOutput) => void) | null): void;
}

/** The chunks of a part that was begun. */
interface BegunPart extends PartPosition {
  readonly chunks: TrackChunk[];
  /** The first of them that are under way or confirmed. */
  sent: number;
  readonly confirmed: Set<TrackChunk>;
  isLost: boolean;
  /** It is complete: what was not sent comes with it. */
  isComplete: boolean;
}

/** What the sender needs. */
export interface ChunkSenderOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly send: (bundle: Uint8Array, signal: AbortSignal, timeoutMs: number) => Promise<PublishResponse>;
}

/** See the file's first line. */
export class ChunkSender {
  readonly #options: ChunkSenderOptions;
  readonly #parts = new Map<TrackName, BegunPart[]>();
  #source: ChunkSource | null = null;
  #isWanted = false;
  #isRunning = false;
  #tickMs: number = CHUNK_SENDER_LIMITS.tickMs;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: ChunkSenderOptions) {
    this.#options = options;
  }

  /** The frames come from `source`. */
  useSource(source: ChunkSource): void {
    this.#source = source;
    if (this.#isWanted) source.passChunksTo((chunk) => this.push(chunk));
  }

  /** Whether the edge wants chunks, and how often, by its latest answer. */
  setDemand({ chunks, chunkMs = CHUNK_SENDER_LIMITS.tickMs }: Pick<PublishProgress, "chunks" | "chunkMs">): void {
    this.#tickMs = Math.min(CHUNK_SENDER_LIMITS.mostTickMs, Math.max(CHUNK_SENDER_LIMITS.tickMs, chunkMs));
    this.#setWanted(chunks === true);
  }

  #setWanted(isWanted: boolean): void {
    if (this.#isWanted === isWanted) return;
    this.#isWanted = isWanted;
    this.#source?.passChunksTo(isWanted ? (chunk) => this.push(chunk) : null);
  }

  /** Adds a chunk, which is sent with the next request. */
  push(chunk: ChunkOutput): void {
    const { msn, part, frame } = chunk.meta;
    const begun = this.#parts.get(chunk.track) ?? [];
    this.#parts.set(chunk.track, begun);
    if (frame === 0) {
      begun.push({ msn, part, chunks: [], sent: 0, confirmed: new Set(), isLost: false, isComplete: false });
      if (begun.length > CHUNK_SENDER_LIMITS.begunParts) begun.shift();
    }
    const open = this.#find(chunk.track, chunk.meta);
    if (open === undefined || open.isLost) return;
    open.chunks.push(chunk);
    if (!this.#isRunning) void this.#run();
  }

  /** A part is complete: its frames that were not sent go with it. */
  completePart(track: TrackName, meta: PartMeta): void {
    const begun = this.#find(track, meta);
    if (begun !== undefined) begun.isComplete = true;
  }

  /** How a part is sent, once the answers to its chunks have come or are late; null: whole. Each part is asked for once. */
  async takePart(track: TrackName, meta: PartMeta, bytes: Uint8Array): Promise<ChunkedPart | null> {
    const part = this.#find(track, meta);
    if (part === undefined) return null;
    if (countConfirmed(part) < part.sent && !part.isLost)
      await withTimeout(this.#options.clock, CHUNK_SENDER_LIMITS.partWaitMs, Promise.all(this.#underWay), () => {});
    const { chunks, isLost, sent } = part;
    const confirmed = countConfirmed(part);
    part.isLost = true;
    this.#parts.set(
      track,
      (this.#parts.get(track) ?? []).filter((each) => comparePartPositions(each, meta) > 0),
    );
    if (isLost || confirmed === 0 || bytes.byteLength === 0) return null;
    // Those under way too: the edge may have them when the part comes, and passes the part on as what it holds.
    const unsent = cutChunk(bytes, sent);
    const pieces = chunks.slice(0, sent).map((chunk) => chunk.bytes);
    const made = assemblePart(unsent === null ? pieces : [...pieces, unsent], bytes.byteLength);
    if (made === null || !isSameBytes(made, bytes)) return null;
    const rest = sent === confirmed ? unsent : cutChunk(bytes, confirmed);
    return { form: { frames: confirmed, byteLength: bytes.byteLength }, rest: rest ?? new Uint8Array(0) };
  }

  #find(track: TrackName, position: PartPosition): BegunPart | undefined {
    return this.#parts.get(track)?.find((each) => comparePartPositions(each, position) === 0);
  }

  async #run(): Promise<void> {
    const { clock, signal } = this.#options;
    const { gatherMs, underWay } = CHUNK_SENDER_LIMITS;
    this.#isRunning = true;
    while (!signal.aborted) {
      await sleep(clock, gatherMs, signal).catch(() => {});
      const waiting = this.#takeWaiting();
      if (waiting.length === 0) break;
      const request = this.#sendBundle(waiting).finally(() => this.#underWay.delete(request));
      this.#underWay.add(request);
      await sleep(clock, this.#tickMs - gatherMs, signal).catch(() => {});
      while (this.#underWay.size >= underWay) await Promise.race(this.#underWay);
    }
    this.#isRunning = false;
  }

  /** The parts with chunks that were not sent, whose chunks count as sent now. */
  #takeWaiting(): { readonly part: BegunPart; readonly chunks: readonly TrackChunk[] }[] {
    const waiting = [...this.#parts.values()].flat().flatMap((part) => {
      const chunks = part.isLost || part.isComplete ? [] : part.chunks.slice(part.sent);
      return chunks.length === 0 ? [] : [{ part, chunks }];
    });
    const all = waiting.flatMap(({ chunks }) => chunks);
    const isTooMuch = all.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) > CHUNK_SENDER_LIMITS.bundleBytes;
    for (const { part } of waiting) {
      part.sent = part.chunks.length;
      part.isLost ||= isTooMuch;
    }
    return isTooMuch ? [] : waiting;
  }

  async #sendBundle(
    waiting: readonly { readonly part: BegunPart; readonly chunks: readonly TrackChunk[] }[],
  ): Promise<void> {
    const { send, signal } = this.#options;
    const bundle = encodeChunkBundle(waiting.flatMap(({ chunks }) => chunks));
    const reply = await send(bundle, signal, CHUNK_SENDER_LIMITS.requestMs);
    for (const { part, chunks } of waiting) {
      if (reply.kind === "ok") for (const chunk of chunks) part.confirmed.add(chunk);
      else part.isLost = true;
    }
    // An edge that does not answer, or does not know chunks: the next answer to a part says whether it wants them.
    if (reply.kind !== "ok" && reply.kind !== "chunks-missing") this.#setWanted(false);
  }
}

/** The first chunks of a part that are confirmed, up to one that is not. */
function countConfirmed({ chunks, confirmed }: BegunPart): number {
  const first = chunks.findIndex((chunk) => !confirmed.has(chunk));
  return first === -1 ? chunks.length : first;
}
