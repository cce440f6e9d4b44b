/** Publishes a broadcast to the edge: every track in order, over a transport, until the edge has stored it. */
import type { PartMeta } from "../../broadcast/broadcast-log.ts";
import { backoffMs } from "../../kit/backoff.ts";
import { type Clock, sleep } from "../../kit/clock.ts";
import { startDeadline } from "../../kit/deadline.ts";
import { errorMessage } from "../../kit/error-message.ts";
import type { TrackName } from "../../kit/ids.ts";
import type { PackagerOutput } from "../../media/cmaf/packager.ts";
import { ChunkSender, type ChunkSource } from "./chunk-sender.ts";
import { DelayMeter } from "./delay-meter.ts";
import { describeRequest, PublishClient, type PublishResponse, publishOutcomeOf } from "./publish-client.ts";
import type { PublishCounters } from "./publish-counters.ts";
import { PublishError, type PublishErrorCode } from "./publish-error.ts";
import { PublishQueue, type PublishRequest } from "./publish-queue.ts";
import { PUBLISHER_LIMITS, type PublisherLimits } from "./publisher-limits.ts";
import type { MediaPublisherOptions } from "./publisher-options.ts";

/** See the file's first line. */
export class MediaPublisher {
  readonly #options: MediaPublisherOptions;
  readonly #clock: Clock;
  readonly #client: PublishClient;
  readonly #queue: PublishQueue;
  readonly #chunks: ChunkSender;
  readonly #limits: PublisherLimits;
  readonly #stop = new AbortController();
  readonly #wakeTrack = new Map<TrackName, () => void>();
  readonly #idleWaiters = new Set<() => void>();
  readonly #firstPart = Promise.withResolvers<{ track: TrackName; meta: PartMeta }>();
  readonly #delays = new DelayMeter();
  #openedAtMs = 0;
  #loops: Promise<void>[] = [];
  #reopening: Promise<void> | null = null;
  /** While the edge does not know yet that another key publishes. */
  #takingOver: Promise<void> | null = null;
  #fatal: PublishError | null = null;
  #counters = { parts: 0, bytes: 0, retries: 0, rewinds: 0, gapsByOverflow: 0 };

  constructor(options: MediaPublisherOptions) {
    this.#options = options;
    this.#clock = options.platform.clock;
    this.#limits = { ...PUBLISHER_LIMITS, ...options.limits };
    this.#client = new PublishClient(options, options.transport, this.#clock, options.limits?.requestMs);
    const names = options.config.tracks.map(({ name }) => name);
    this.#queue = new PublishQueue(names, this.#limits.queueBytes === null ? {} : { bytes: this.#limits.queueBytes });
    this.#chunks = new ChunkSender({
      ...{ clock: this.#clock, signal: this.#stop.signal },
      send: (bundle, signal, timeoutMs) => this.#client.sendChunks(bundle, signal, timeoutMs),
    });
    this.#firstPart.promise.catch(() => {});
  }

  /** Frames come from `source` ahead of their parts, while the edge wants them. */
  useChunkSource(source: ChunkSource): void {
    this.#chunks.useSource(source);
  }

  /** The first part that the edge has accepted. Rejects when the publisher ends without one. */
  get firstPart(): Promise<{ track: TrackName; meta: PartMeta }> {
    return this.#firstPart.promise;
  }

  /** Opens the broadcast, waits for a predecessor's lease to expire, and starts sending. Throws `PublishError`. */
  async open(): Promise<void> {
    await this.#openWithRetry();
    this.#openedAtMs = this.#clock.monotonicMs();
    this.#loops = this.#options.config.tracks.map(({ name }) => this.#sendTrack(name));
  }

  /** Queues an init section or a part. Never blocks; `onFatal` is called with errors. */
  push(output: PackagerOutput): void {
    if (this.#fatal !== null) return;
    this.#options.journal?.append(output);
    try {
      if (output.kind === "init") this.#queue.pushInit(output.track, output.version, output.bytes);
      else this.#pushPart(output.track, output.meta, output.bytes);
    } catch (error) {
      this.#fail(`The broadcast cannot continue: ${errorMessage(error)}.`, error);
    }
    this.#wakeTrack.get(output.track)?.();
  }

  /** Another key of the stream publishes from now on; nothing is sent before the edge has been told. */
  useKey(key: string): void {
    if (key === this.#client.key || this.#fatal !== null) return;
    this.#client.key = key;
    // An opening that is under way is followed by requests with the new key, which take the broadcast over too.
    if (this.#loops.length === 0) return;
    this.#takingOver ??= this.#takeOver().finally(() => {
      this.#takingOver = null;
    });
  }

  async #takeOver(): Promise<void> {
    const { signal } = this.#stop;
    for (let attempt = 1; !signal.aborted && this.#fatal === null; attempt += 1) {
      const { key } = this.#client;
      const reply = await this.#client.takeOver(signal);
      if (key !== this.#client.key) continue;
      if (reply.kind === "ok" || reply.kind === "out-of-order") {
        this.#applyAnswer(reply);
        return;
      }
      if (reply.kind === "stopped") this.#failStopped(reply.reason);
      else if (reply.kind === "refused") this.#refuseKey(reply, "the handover to another key");
      else if (reply.kind === "not-open") await this.#reopen();
      if (reply.kind !== "refused") await this.#backOff(attempt, reply, signal);
    }
  }

  /** The broadcast goes on with another key, or ends. */
  #refuseKey({ reason, isKey }: Extract<PublishResponse, { kind: "refused" }>, what: string): void {
    const next = isKey ? (this.#options.onKeyRefused?.(reason) ?? null) : null;
    if (next === null) this.#fail(`The edge refuses ${what}: ${reason}.`, null, "refused");
    else this.useKey(next);
  }

  #pushPart(track: TrackName, meta: PartMeta, bytes: Uint8Array): void {
    this.#chunks.completePart(track, meta);
    const dropped = this.#queue.pushPart(track, meta, bytes, this.#clock.monotonicMs());
    if (dropped === 0) return;
    const [before, total] = [this.#counters.gapsByOverflow, this.#counters.gapsByOverflow + dropped];
    this.#counters.gapsByOverflow = total;
    if (before === 0 || Math.floor(before / 100) !== Math.floor(total / 100)) {
      this.#options.log.error(
        `The edge is too slow or unreachable: ${total} part(s) were dropped so far and are sent as gaps.`,
      );
    }
  }

  /** Sends the queue, then the end, and waits until the edge has stored all of it. Throws `PublishError`. */
  async end(): Promise<void> {
    const deadline = startDeadline(this.#clock, this.#limits.endMs);
    try {
      await this.#sendEnd(AbortSignal.any([this.#stop.signal, deadline.signal]));
    } finally {
      deadline.cancel();
    }
  }

  async #sendEnd(stop: AbortSignal): Promise<void> {
    let attempt = 0;
    let ended = false;
    while (this.#fatal === null && !stop.aborted) {
      await this.#untilDrained(stop);
      if (stop.aborted) break;
      const reply = await this.#client.endBroadcast(stop);
      if (reply.kind === "ok") {
        ended = true;
        this.#applyAnswer(reply);
        if (this.#queue.isDurable) break;
      } else if (reply.kind === "out-of-order") this.#applyAnswer(reply);
      else if (reply.kind === "not-open") await this.#reopen();
      else if (reply.kind === "stopped") this.#failStopped(reply.reason);
      else if (reply.kind === "refused") this.#fail(`The edge refuses to end the broadcast: ${reply.reason}.`, null);
      attempt += 1;
      await this.#backOff(attempt, reply, stop);
    }
    if (this.#fatal !== null) throw this.#fatal;
    if (!ended)
      throw new PublishError(`The edge did not accept the end of the broadcast within ${this.#limits.endMs / 1000} s.`);
    if (this.#queue.isDurable) this.#options.journal?.removeAll();
    else
      this.#options.log.warn("The edge has accepted the end, but not yet confirmed that the last segments are stored.");
  }

  /** Stops sending at once and closes the connections. */
  async close(): Promise<void> {
    this.#stop.abort();
    for (const wake of this.#wakeTrack.values()) wake();
    await this.#client.close();
    await Promise.all(this.#loops);
    this.#firstPart.reject(new PublishError("The publisher was closed before the edge accepted a part."));
  }

  /** Age of the oldest part that waits for the edge since the opening, milliseconds; 0 if none waits. */
  queueAgeMs(): number {
    const oldestMs = this.#queue.oldestWaitingMs;
    if (oldestMs === null || this.#loops.length === 0) return 0;
    return this.#clock.monotonicMs() - Math.max(oldestMs, this.#openedAtMs);
  }

  /** The media of `track` that waits is sent as gaps. Returns the number of parts. */
  dropWaiting(track: TrackName): number {
    return this.#queue.dropWaiting(track);
  }

  /** Delay of the parts of the last seconds, p95, or age of the oldest one that waits if that is longer; null before any. */
  recentDelayMs(): number | null {
    const delayMs = Math.max(this.#delays.recentP95Ms(this.#clock.monotonicMs()) ?? 0, this.queueAgeMs());
    return this.#counters.parts === 0 && delayMs === 0 ? null : delayMs;
  }

  /** Counters since the start. */
  counters(): PublishCounters {
    const { waiting, bytes: keptBytes } = this.#queue;
    return { ...this.#counters, ...this.#delays.percentiles(), waiting, keptBytes };
  }

  async #openWithRetry(): Promise<void> {
    const { stream, log, edge } = this.#options;
    const { takeoverMs, unreachableMs } = this.#limits;
    const begunMs = this.#clock.monotonicMs();
    let announced = false;
    for (let attempt = 1; !this.#stop.signal.aborted; attempt += 1) {
      const { key } = this.#client;
      const reply = await this.#client.openBroadcast(this.#stop.signal);
      switch (reply.kind) {
        case "ok":
        case "out-of-order":
          this.#applyAnswer(reply);
          return;
        case "already-live":
        case "retry":
          if (this.#clock.monotonicMs() - begunMs > (reply.kind === "retry" ? unreachableMs : takeoverMs)) {
            throw this.#fail(
              reply.kind === "retry"
                ? `The edge at ${edge} does not answer: ${reply.reason}.`
                : `Another publisher is live on ${stream}; stop it, or choose another name with --stream.`,
              null,
              reply.kind === "retry" ? "unreachable" : "already-live",
            );
          }
          if (!announced) {
            log.warn(
              reply.kind === "retry"
                ? `The edge at ${edge} does not answer yet (${reply.reason}); retrying.`
                : `Another publisher is live on ${stream}; waiting up to ${takeoverMs / 1000} s for it to end.`,
            );
          }
          announced = true;
          break;
        case "stopped":
          throw this.#failStopped(reply.reason);
        default:
          if (key !== this.#client.key) continue;
          throw this.#fail(
            `The edge refuses the broadcast: ${"reason" in reply ? reply.reason : reply.kind}.`,
            null,
            "refused",
          );
      }
      await this.#backOff(attempt, reply, this.#stop.signal);
    }
    throw new PublishError("The publisher was closed.");
  }

  /** Sends one track's queue in order; sleeps while it is empty. */
  async #sendTrack(track: TrackName): Promise<void> {
    const { signal } = this.#stop;
    let attempt = 0;
    while (!signal.aborted && this.#fatal === null) {
      if (this.#takingOver !== null) await this.#takingOver;
      const send = this.#queue.nextRequest(track);
      if (send === null) {
        this.#notifyIdle();
        await new Promise<void>((resolve) => this.#wakeTrack.set(track, resolve));
        continue;
      }
      const { key } = this.#client;
      const chunked = send.kind === "part" ? await this.#chunks.takePart(track, send.meta, send.bytes) : null;
      const answer = await this.#client.sendMedia(send, signal, chunked);
      if (signal.aborted) return;
      // The key was replaced meanwhile: whether the edge takes the new one is not known yet.
      const isStale = answer.kind === "refused" && key !== this.#client.key;
      const reply: PublishResponse = isStale ? { kind: "retry", reason: answer.reason, afterMs: null } : answer;
      const moved = this.#settle(track, send, reply);
      if (moved && reply.kind !== "out-of-order") {
        attempt = 0;
        continue;
      }
      // The part is sent whole, at once.
      if (reply.kind === "chunks-missing") continue;
      attempt += 1;
      if (moved && attempt <= 2) continue;
      this.#counters.retries += 1;
      if (reply.kind === "not-open" || reply.kind === "already-live") {
        await this.#reopen();
        if (attempt === 1) continue;
      }
      if (reply.kind === "retry" && (attempt === 3 || attempt % 20 === 0)) {
        this.#options.log.warn(`The edge does not accept ${track} (${reply.reason}); retrying.`);
      }
      await this.#backOff(attempt, reply, signal);
    }
  }

  /** Applies a reply to the queue. True if the track has advanced. */
  #settle(track: TrackName, send: PublishRequest, reply: PublishResponse): boolean {
    const { waiting } = this.#queue;
    let moved = false;
    try {
      moved = this.#queue.settleRequest(track, publishOutcomeOf(reply));
    } catch (error) {
      this.#fail(`The broadcast cannot continue: ${errorMessage(error)}.`, error);
      return false;
    }
    if (this.#queue.waiting > waiting) this.#counters.rewinds += 1;
    this.#options.journal?.removeThrough(this.#queue.durableMsn);
    if (reply.kind === "ok") this.#chunks.setDemand(reply.answer);
    switch (reply.kind) {
      case "ok":
        if (send.kind === "part" && moved) this.#countPart(send);
        this.#wakeAll();
        break;
      case "out-of-order":
        this.#wakeAll();
        break;
      case "too-large":
        this.#options.log.error(
          `The edge accepts no part as large as ${track} ${describeRequest(send)} (${send.bytes.byteLength} bytes); it is sent as a gap.`,
        );
        if (send.kind === "init")
          this.#fail(`The edge accepts no init section of ${send.bytes.byteLength} bytes.`, null);
        break;
      case "stopped":
        this.#failStopped(reply.reason);
        break;
      case "refused":
        this.#refuseKey(reply, `${track} ${describeRequest(send)}`);
        break;
    }
    return moved;
  }

  #countPart(send: Extract<PublishRequest, { kind: "part" }>): void {
    this.#counters.parts += 1;
    this.#counters.bytes += send.bytes.byteLength;
    // The delay of parts queued before the opening is not the edge's.
    const nowMs = this.#clock.monotonicMs();
    if (send.queuedAtMs >= this.#openedAtMs) this.#delays.push(nowMs - send.queuedAtMs, nowMs);
    if (!send.meta.gap) this.#firstPart.resolve({ track: send.track, meta: send.meta });
  }

  /** Opens the broadcast again, once for all tracks that find it closed. */
  async #reopen(): Promise<void> {
    this.#reopening ??= this.#openWithRetry()
      .catch(() => {})
      .finally(() => {
        this.#reopening = null;
      });
    await this.#reopening;
  }

  #applyAnswer(reply: Extract<PublishResponse, { kind: "ok" | "out-of-order" }>): void {
    const { waiting } = this.#queue;
    this.#queue.applyAnswer(reply.answer, null);
    if (this.#queue.waiting > waiting) this.#counters.rewinds += 1;
    this.#wakeAll();
  }

  /** A response for one track may have rewound another, whose loop sleeps. */
  #wakeAll(): void {
    for (const wake of this.#wakeTrack.values()) wake();
  }

  #notifyIdle(): void {
    if (this.#queue.waiting > 0) return;
    for (const stopWaiting of this.#idleWaiters) stopWaiting();
  }

  /** Resolves when the queue is empty, or `signal` aborts. */
  #untilDrained(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#queue.waiting === 0 || signal.aborted) return resolve();
      // Node keeps a signal made of others, and all that its listeners reach, for as long as it has one.
      const stopWaiting = (): void => {
        signal.removeEventListener("abort", stopWaiting);
        this.#idleWaiters.delete(stopWaiting);
        resolve();
      };
      this.#idleWaiters.add(stopWaiting);
      signal.addEventListener("abort", stopWaiting);
    });
  }

  async #backOff(attempt: number, reply: PublishResponse, signal: AbortSignal): Promise<void> {
    const asked = reply.kind === "retry" ? reply.afterMs : null;
    const ownMs = backoffMs(attempt, this.#limits.retry, this.#options.platform.random);
    await sleep(this.#clock, asked === null ? ownMs : asked + ownMs, signal).catch(() => {});
  }

  #failStopped(reason: string): PublishError {
    const { stream } = this.#options;
    const message = `${stream} was stopped, and accepts no publisher until the stop is undone: ${reason}`;
    return this.#fail(message, null, "stopped");
  }

  #fail(message: string, cause: unknown, code: PublishErrorCode = "failed"): PublishError {
    const error = new PublishError(message, { cause }, code);
    if (this.#fatal === null) {
      this.#fatal = error;
      this.#firstPart.reject(error);
      this.#stop.abort();
      this.#wakeAll();
      this.#options.onFatal(error);
    }
    return error;
  }
}
