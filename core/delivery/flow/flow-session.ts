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
import { FLOW_START, type FlowCursor, flowTargets } from "./flow-reader.ts";
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
  #checkedMs: number;
  #access: AccessPolicy;
  #status: object | null = null;
  #sentStatus: object | null = null;
  #statusSentMs = Number.NEGATIVE_INFINITY;

  /** Null if the isolate has no place for the viewer. */
  static open(options: FlowSessionOptions): FlowSession | null {
    let wake = (): void => {};
    const place = options.edge.flow.enter(options.network, () => wake());
    if (place === null) return null;
    const session = new FlowSession(options, place);
    wake = () => session.#wake();
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
    const { edge, ctx } = this.#options;
    while (!this.#isOver) {
      const refused = this.#mustCheck() ? await this.#check() : null;
      if (refused !== null) return this.#end(null, refused);
      const replica = edge.currentReplica;
      if (replica === null || replica.config.broadcast !== this.#options.broadcast) return this.#end(null, "replaced");
      const bytes = this.#read(replica);
      if (bytes !== null) return bytes;
      edge.ensureLease(ctx);
      await this.#wait(replica);
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
    const { cursor, bytes, end } = edge.flow.read(request, this.#cursor, replica);
    this.#cursor = cursor;
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

  #end(bytes: Uint8Array | null, reason: FlowEnd): Uint8Array {
    this.close();
    const bye = writeFlowEvent({ kind: "bye", reason });
    return bytes === null ? bye : concatBytes([bytes, bye]);
  }

  #mustCheck(): boolean {
    const { edge } = this.#options;
    return edge.accessPolicy !== this.#access || this.#cancelTimer === null;
  }

  /** Why the response ends now, or null. */
  async #check(): Promise<FlowEnd | null> {
    const { edge, ctx, request, mayWatch } = this.#options;
    const { clock } = edge.platform;
    this.#checkedMs = clock.monotonicMs();
    this.#access = edge.accessPolicy;
    this.#status = this.#options.status();
    this.#startTimer();
    for (const track of [request.video, request.audio])
      if (track !== null) edge.requestTrack(ctx, track, clock.nowMs());
    edge.requestChunks(ctx, clock.nowMs());
    if (this.#checkedMs >= this.#endsMs) return "renew";
    if (edge.activeStop !== null) return "refused";
    if (edge.authoritySilenceMs() > EDGE_STREAM_LIMITS.maxAuthoritySilenceMs) return "renew";
    return (await mayWatch(this.#access)) ? null : "refused";
  }

  /** One timer at a time: it outlives waits, since a timer costs more than a wake. */
  #startTimer(): void {
    this.#cancelTimer ??= this.#options.edge.platform.clock.startTimer(FLOW_LIMITS.checkMs, () => {
      this.#cancelTimer = null;
      this.#wake();
    });
  }

  /** Waits for media, or for something to check. */
  async #wait(replica: Replica): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const parked = flowTargets(this.#options.request, this.#cursor, replica).map(({ track, target }) =>
      replica.parkedRequests.park(track, target, resolve),
    );
    await promise;
    for (const withdraw of parked) withdraw();
  }
}
