/** One flow response: what its viewer gets next, and when. */
import type { AccessPolicy } from "../../access/access-policy.ts";
import type { Replica } from "../../broadcast/replica.ts";
import { concatBytes } from "../../kit/bytes.ts";
import type { BroadcastId } from "../../kit/ids.ts";
import type { WaitUntilContext } from "../../kit/wait-until.ts";
import type { EdgeStream } from "../edge-stream.ts";
import { EDGE_STREAM_LIMITS, FLOW_LIMITS } from "../node-limits.ts";
import type { FlowPlace } from "./flow-audience.ts";
import { type FlowEnd, writeFlowEvent } from "./flow-boxes.ts";
import { FLOW_START, type FlowCursor } from "./flow-reader.ts";
import type { FlowRequest } from "./flow-request.ts";

/** What a response needs. */
export interface FlowSessionOptions {
  readonly edge: EdgeStream;
  readonly ctx: WaitUntilContext;
  readonly broadcast: BroadcastId;
  readonly request: FlowRequest;
  /** Whether the viewer may watch now. Asked when the access policy has changed, and every `FLOW_LIMITS.checkMs`. */
  readonly mayWatch: (access: AccessPolicy) => boolean | Promise<boolean>;
  /** The stream's status, in the format of `GET /api/streams/{stream}`; the same object until it changes. Null if unknown. */
  readonly status: () => object | null;
  /** The network of the request, or null if unknown. */
  readonly network: string | null;
}

/** See the file's first line. */
export class FlowSession {
  readonly #options: FlowSessionOptions;
  readonly #endsMs: number;
  readonly #place: FlowPlace;
  #cursor: FlowCursor = FLOW_START;
  #isCaughtUp = false;
  #isOver = false;
  /** Ends the current wait. */
  #wake: () => void = () => {};
  #cancelTimer: (() => void) | null = null;
  #isCheckDue = true;
  #checkedMs: number;
  #access: AccessPolicy;
  #status: object | null = null;
  #sentStatus: object | null = null;
  #statusSentMs = Number.NEGATIVE_INFINITY;

  /** Null if the isolate has no place for the viewer. */
  static open(options: FlowSessionOptions): FlowSession | null {
    let wake = (): void => {};
    const { counters, flow, platform } = options.edge;
    const place = flow.enter(options.network, platform.clock.monotonicMs(), () => wake());
    if (typeof place === "string") {
      counters.countJoinRefusal(place);
      return null;
    }
    counters.ownCounters.flowOpens += 1;
    const session = new FlowSession(options, place);
    wake = () => session.#look();
    return session;
  }

  private constructor(options: FlowSessionOptions, place: FlowPlace) {
    this.#options = options;
    this.#place = place;
    const { clock, random } = options.edge.platform;
    const { minDurationMs, maxDurationMs } = FLOW_LIMITS;
    this.#checkedMs = clock.monotonicMs();
    this.#endsMs = this.#checkedMs + minDurationMs + random() * (maxDurationMs - minDurationMs);
    this.#access = options.edge.accessPolicy;
  }

  /** Whether nothing follows. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next bytes, as soon as there are some; null: nothing follows. */
  async next(): Promise<Uint8Array | null> {
    const { edge } = this.#options;
    while (!this.#isOver) {
      const refused = this.#mustCheck() ? await this.#check() : null;
      if (refused !== null) return this.#counted(this.#end(null, refused));
      const replica = edge.currentReplica;
      if (replica === null || replica.config.broadcast !== this.#options.broadcast)
        return this.#counted(this.#end(null, "replaced"));
      const bytes = this.#read(replica);
      if (bytes !== null) return this.#counted(bytes);
      await this.#wait();
    }
    return null;
  }

  /** The viewer has gone. */
  close(): void {
    this.#isOver = true;
    this.#place.leave();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#wake();
  }

  #read(replica: Replica): Uint8Array | null {
    const { edge, request } = this.#options;
    const { cursor, bytes, skips, end } = edge.flow.read(request, this.#cursor, replica);
    this.#cursor = cursor;
    edge.counters.ownCounters.flowSkips += skips;
    if (end !== null) return this.#end(bytes, end);
    const said = this.#says(bytes !== null);
    if (bytes === null) return said;
    return said === null ? bytes : concatBytes([bytes, said]);
  }

  /** Events that are due. */
  #says(hasMedia: boolean): Uint8Array | null {
    const { edge } = this.#options;
    const events: Uint8Array[] = [];
    if (!this.#isCaughtUp && hasMedia) {
      this.#isCaughtUp = true;
      events.push(writeFlowEvent({ kind: "caught-up" }));
    }
    const isDue = this.#checkedMs - this.#statusSentMs >= FLOW_LIMITS.statusMs;
    if (this.#isCaughtUp && isDue && this.#status !== null && this.#status !== this.#sentStatus) {
      this.#sentStatus = this.#status;
      this.#statusSentMs = this.#checkedMs;
      events.push(writeFlowEvent({ kind: "status", atMs: edge.platform.clock.nowMs(), status: this.#status }));
    }
    return events.length === 0 ? null : concatBytes(events);
  }

  #counted(bytes: Uint8Array): Uint8Array {
    this.#options.edge.counters.ownCounters.flowBytes += bytes.byteLength;
    return bytes;
  }

  #end(bytes: Uint8Array | null, reason: FlowEnd): Uint8Array {
    this.close();
    this.#options.edge.counters.ownCounters.flowByes += 1;
    const bye = writeFlowEvent({ kind: "bye", reason });
    return bytes === null ? bye : concatBytes([bytes, bye]);
  }

  /** The feed's clock is read, not the platform's: this is asked for each write to each viewer. */
  #mustCheck(): boolean {
    const { edge } = this.#options;
    if (this.#isCheckDue || edge.accessPolicy !== this.#access) return true;
    return edge.flow.heardMs - this.#checkedMs >= FLOW_LIMITS.checkMs;
  }

  /** Why the response ends now, or null. */
  async #check(): Promise<FlowEnd | null> {
    const { edge, ctx, request, mayWatch } = this.#options;
    const { clock } = edge.platform;
    this.#checkedMs = clock.monotonicMs();
    this.#isCheckDue = false;
    this.#access = edge.accessPolicy;
    this.#status = this.#options.status();
    // At random: in a large audience that came together somebody looks soon.
    if (this.#cancelTimer === null) this.#startTimer(edge.platform.random());
    edge.ensureLease(ctx);
    for (const track of [request.video, request.audio])
      if (track !== null) edge.requestTrack(ctx, track, clock.nowMs());
    edge.requestChunks(ctx, clock.nowMs());
    if (this.#checkedMs >= this.#endsMs) return "renew";
    if (edge.activeStop !== null) return "refused";
    if (edge.authoritySilenceMs() > EDGE_STREAM_LIMITS.maxAuthoritySilenceMs) return "renew";
    return (await mayWatch(this.#access)) ? null : "refused";
  }

  /** One timer at a time. It keeps the request alive, and looks after it where no media does. */
  #startTimer(share = 1): void {
    const { flow, platform } = this.#options.edge;
    const { clock } = platform;
    const delayMs = flow.checkMs;
    // While media comes a viewer looks every `checkMs`: one that has not for longer is without.
    const withoutMediaMs = Math.min(delayMs / 2, 1.5 * FLOW_LIMITS.checkMs);
    this.#cancelTimer = clock.startTimer(share * delayMs, () => {
      this.#startTimer();
      const nowMs = clock.monotonicMs();
      if (nowMs - this.#checkedMs >= withoutMediaMs) this.#look();
      if (nowMs >= this.#endsMs + withoutMediaMs) this.#abandon();
    });
  }

  /** The response is over its time, and its client does not read: it comes to the check when it does, without a place. */
  #abandon(): void {
    this.#place.leave();
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Ends the current wait, and checks. */
  #look(): void {
    this.#isCheckDue = true;
    this.#wake();
  }

  /** Waits for media, or for something to check. */
  async #wait(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const { edge, request } = this.#options;
    const withdraw = edge.flow.park(request, this.#cursor, resolve, () => this.#look());
    await promise;
    withdraw();
  }
}
