/**
 * The network: links between places, each with a latency and whatever faults are in force. Requests, their answers and
 * streams cross it; nothing is copied or run before it has arrived.
 */
import { SimulatedResponse } from "./fetch-types.ts";
import { type ActiveLinkFault, type Fate, FaultyLinks } from "./link-faults.ts";
import { ConnectionLostError, type SimulatedProcess } from "./process.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { Simulation } from "./simulation.ts";
import type { MessageCarrier, MessageLane } from "./web-sockets.ts";

/** How a request crosses. */
export interface RequestOptions {
  readonly bytes?: number | undefined;
  /** A fault may deliver it twice: HTTP requests that a proxy repeats. */
  readonly mayDuplicate?: boolean | undefined;
  /** The receiver holds answers back until this allows them out. */
  readonly gate?: (receiver: SimulatedProcess) => Promise<void> | null;
}

/** Streams have this much on its way at most, where a run says nothing else. */
const STREAM_WINDOW_BYTES = 1_048_576;
/** A sender notices after this long that the reader of its stream is gone. */
const CANCEL_DELAY_MS = 200;
/** A lost message shows as an error after this long, where it shows at all. */
const LOSS_NOTICED_MS = 2_000;
/** Spread of the latency of every link. */
const JITTER_SHARE = 0.25;

/** All links. */
export class Network implements MessageCarrier {
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #latencyMs: (from: string, to: string) => number;
  readonly #latencies = new Map<string, Map<string, number>>();
  readonly #faults: FaultyLinks;
  readonly #streams = new Set<OpenStream>();
  /** Bytes that a stream that opens from here on has on its way at most. */
  streamWindowBytes: number = STREAM_WINDOW_BYTES;
  /** Is called for each stream that opens; what it returns gets each chunk that arrives. */
  onStream: (from: SimulatedProcess, to: SimulatedProcess) => (chunk: Uint8Array) => void = () => () => {};
  /** Is called with each request that arrives, and what it is. */
  onRequest: (from: SimulatedProcess, to: SimulatedProcess, what: string) => void = () => {};

  /** `latencyMs`: from one place to another, one way. */
  constructor(simulation: Simulation, latencyMs: (from: string, to: string) => number) {
    this.#simulation = simulation;
    this.#random = simulation.random.fork("network");
    this.#faults = new FaultyLinks(this.#random);
    this.#latencyMs = latencyMs;
  }

  /** Streams that are open. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** The ends of open streams, for messages. */
  describeStreams(): string {
    return [...this.#streams].map(({ from, to, sinceMs }) => `${from} → ${to} since ${sinceMs} ms`).join(", ");
  }

  /** Puts a fault in force until the returned function is called. */
  addFault(fault: ActiveLinkFault): () => void {
    return this.#faults.add(fault);
  }

  /**
   * Sends a request from a process to the one that `receiver` names when it arrives, runs `serve` there, and brings the
   * answer back. Rejects with `ConnectionLostError`, or never settles, as connections do.
   */
  request<T>(
    from: SimulatedProcess,
    to: { readonly place: string; receiver(): SimulatedProcess },
    what: string,
    serve: (receiver: SimulatedProcess) => Promise<T> | T,
    options: RequestOptions = {},
  ): Promise<T> {
    return new Promise<T>((settle, fail) => {
      if (!from.isAlive) return;
      from.outboundCalls += 1;
      const reject = (error: unknown): void => {
        from.outboundCalls -= 1;
        fail(error);
      };
      const fate = this.#faults.drawFate(from.place, to.place);
      if (fate.isLost) {
        from.log(`→ ${to.place} ${what}: lost`);
        this.#noticeLoss(from, reject);
        return;
      }
      const deliver = (answer: (outcome: Settled<T>) => void): void => {
        this.#deliver(from, to, what, serve, options, answer);
      };
      const delayMs = this.#delayMs(from.place, to.place, fate, options.bytes ?? 0);
      this.#simulation.after(delayMs, () => {
        deliver((outcome) => {
          if (!from.isAlive) return;
          if (!outcome.ok) return reject(outcome.error);
          from.outboundCalls -= 1;
          settle(outcome.value);
        });
      });
      if (options.mayDuplicate === true && this.#random.chance(fate.faults.duplicate ?? 0)) {
        from.log(`→ ${to.place} ${what}: twice`);
        this.#simulation.after(delayMs + this.#random.integer(0, 200), () => deliver(() => {}));
      }
    });
  }

  #deliver<T>(
    from: SimulatedProcess,
    to: { readonly place: string; receiver(): SimulatedProcess },
    what: string,
    serve: (receiver: SimulatedProcess) => Promise<T> | T,
    options: RequestOptions,
    answer: (outcome: Settled<T>) => void,
  ): void {
    const receiver = to.receiver();
    this.onRequest(from, receiver, what);
    const inFlight = this.#inFlightOf(receiver);
    let isDone = false;
    const finish = (outcome: Settled<T>, bytes: number): void => {
      if (isDone) return;
      isDone = true;
      inFlight.delete(fail);
      this.#returnAnswer(receiver.place, from, what, outcome, bytes, answer);
    };
    const fail = (error: Error): void => finish({ ok: false, error }, 0);
    inFlight.add(fail);
    if (!receiver.isAlive) {
      fail(new ConnectionLostError(`${receiver.place} is down`));
      return;
    }
    const run = async (): Promise<void> => {
      try {
        const value = await serve(receiver);
        await options.gate?.(receiver);
        if (receiver.isAlive) finish({ ok: true, value }, sizeOf(value));
      } catch (error) {
        await options.gate?.(receiver);
        if (receiver.isAlive) finish({ ok: false, error }, 0);
      }
    };
    void run();
  }

  #returnAnswer<T>(
    fromPlace: string,
    to: SimulatedProcess,
    what: string,
    outcome: Settled<T>,
    bytes: number,
    answer: (outcome: Settled<T>) => void,
  ): void {
    const fate = this.#faults.drawFate(fromPlace, to.place);
    if (fate.isLost) {
      to.log(`← ${fromPlace} ${what}: answer lost`);
      if (outcome.ok) this.#abandonBody(outcome.value);
      this.#noticeLoss(to, (error) => answer({ ok: false, error }));
      return;
    }
    const isCut = this.#random.chance(fate.faults.cut ?? 0);
    this.#simulation.after(this.#delayMs(fromPlace, to.place, fate, bytes), () => {
      if (!isCut) return answer(outcome);
      to.log(`← ${fromPlace} ${what}: cut`);
      if (outcome.ok && outcome.value instanceof SimulatedResponse) {
        answer({ ok: true, value: cutResponse(outcome.value) as T });
      } else answer({ ok: false, error: new ConnectionLostError(`the answer of ${fromPlace} was cut`) });
    });
  }

  /** The answer never arrives, so its stream is never read: the sender notices when its connection ends. */
  #abandonBody(value: unknown): void {
    if (!(value instanceof SimulatedResponse) || value.heldBytes !== null) return;
    const { body } = value;
    this.#simulation.after(LOSS_NOTICED_MS, () => void body?.cancel().catch(() => {}));
  }

  /** Everything that waits for the process gets an error: it has ended. */
  failInFlight(process: SimulatedProcess): void {
    for (const fail of [...(process.inboundCalls ?? [])]) fail(new ConnectionLostError(`${process.place} is gone`));
  }

  #inFlightOf(process: SimulatedProcess): Set<(error: Error) => void> {
    if (process.inboundCalls === null) {
      process.inboundCalls = new Set();
      process.onEnd(() => this.failInFlight(process));
    }
    return process.inboundCalls;
  }

  #noticeLoss(process: SimulatedProcess, reject: (error: Error) => void): void {
    // Half of what is lost is never heard of again.
    if (this.#random.chance(0.5)) return;
    this.#simulation.after(this.#random.integer(1, LOSS_NOTICED_MS), () => {
      if (process.isAlive) reject(new ConnectionLostError("the connection was reset"));
    });
  }

  /** Whether the body of a request that is sent now ends early. */
  cutsBody(from: string, to: string): boolean {
    return this.#random.chance(this.#faults.between(from, to).faults.cut ?? 0);
  }

  /**
   * A stream as it arrives at `to`. It ends with either process; `gate` holds chunks back as in `request`, and `windowBytes`
   * are on its way at most.
   */
  carryStream(
    from: SimulatedProcess,
    to: SimulatedProcess,
    stream: ReadableStream<Uint8Array>,
    gate?: RequestOptions["gate"],
    windowBytes: number = this.streamWindowBytes,
  ): ReadableStream<Uint8Array> {
    const open = new OpenStream(from.place, to.name, this.#simulation.nowMs);
    this.#streams.add(open);
    const observe = this.onStream(from, to);
    const reader = stream.getReader();
    let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
    let isOver = false;
    let arrivesMs = 0;
    let inFlightBytes = 0;
    let wakePump: (() => void) | null = null;
    const over = (): boolean => {
      if (isOver) return false;
      isOver = true;
      this.#streams.delete(open);
      withdraw();
      return true;
    };
    const cancelSource = (): void => {
      this.#simulation.after(CANCEL_DELAY_MS, () => void reader.cancel().catch(() => {}));
    };
    open.fail = (error) => {
      if (!over()) return;
      controller?.error(error);
      if (from.isAlive) cancelSource();
    };
    const withdrawals = [
      from.onEnd(() => this.#simulation.after(1, () => open.fail(new ConnectionLostError(`${from.place} is gone`)))),
      to.onEnd(() => {
        if (over() && from.isAlive) cancelSource();
      }),
    ];
    const withdraw = (): void => {
      for (const each of withdrawals) each();
    };
    const schedule = (bytes: number, arrive: () => void): void => {
      const fate = this.#faults.drawFate(from.place, to.place);
      if (fate.isLost) open.isStalled = true;
      // Bytes of one connection stay in order.
      arrivesMs = Math.max(arrivesMs, this.#simulation.nowMs + this.#delayMs(from.place, to.place, fate, bytes));
      this.#simulation.after(arrivesMs - this.#simulation.nowMs, () => {
        if (!isOver && !open.isStalled && to.isAlive) arrive();
      });
    };
    const pump = async (): Promise<void> => {
      try {
        for (;;) {
          const chunk = await reader.read();
          await gate?.(from);
          if (isOver || !from.isAlive) return;
          if (chunk.done) {
            schedule(0, () => {
              if (over()) controller?.close();
            });
            return;
          }
          const bytes = chunk.value.byteLength;
          const isCut = this.#random.chance(this.#faults.between(from.place, to.place).faults.cut ?? 0);
          inFlightBytes += bytes;
          schedule(bytes, () => {
            inFlightBytes -= bytes;
            const value = chunk.value.slice(0, isCut ? Math.floor(bytes / 2) : bytes);
            observe(value);
            if (value.byteLength > 0) controller?.enqueue(value);
            if (isCut) open.fail(new ConnectionLostError("the stream was cut"));
            wakePump?.();
          });
          while (!isOver && inFlightBytes - Math.min(0, controller?.desiredSize ?? 0) > windowBytes) {
            await new Promise<void>((resolve) => {
              wakePump = resolve;
            });
          }
        }
      } catch (error) {
        schedule(0, () => open.fail(error instanceof Error ? error : new Error(String(error))));
      }
    };
    const carried = new ReadableStream<Uint8Array>(
      {
        start: (given) => {
          controller = given;
        },
        pull: () => wakePump?.(),
        cancel: () => {
          if (over() && from.isAlive) cancelSource();
          wakePump?.();
        },
      },
      { highWaterMark: windowBytes, size: (chunk) => chunk.byteLength },
    );
    void pump();
    return carried;
  }

  /** Sends a message behind the others of its lane. False: it is lost. */
  carryMessage(lane: MessageLane, bytes: number, arrive: () => void): boolean {
    const fate = this.#faults.drawFate(lane.from, lane.to);
    if (fate.isLost || this.#random.chance(fate.faults.cut ?? 0)) return false;
    const nowMs = this.#simulation.nowMs;
    lane.arrivesMs = Math.max(lane.arrivesMs, nowMs + this.#delayMs(lane.from, lane.to, fate, bytes));
    this.#simulation.after(lane.arrivesMs - nowMs, arrive);
    return true;
  }

  /** Chance of what connections meet. */
  get random(): SeededRandom {
    return this.#random;
  }

  /** Calls to a process, or from it, that are under way. */
  countCalls(process: SimulatedProcess): number {
    return (process.inboundCalls?.size ?? 0) + process.outboundCalls;
  }

  /** Breaks the streams between matching places, or lets them go on without a byte. Returns how many. */
  disturbStreams(from: string, to: string, how: "break" | "stall"): number {
    const found = [...this.#streams].filter((open) => open.from.includes(from) && open.to.includes(to));
    for (const open of found) {
      if (how === "stall") open.isStalled = true;
      else open.fail(new ConnectionLostError("the connection was reset"));
    }
    return found.length;
  }

  #baseMs(from: string, to: string): number {
    const known = this.#latencies.get(from)?.get(to);
    if (known !== undefined) return known;
    const latencyMs = this.#latencyMs(from, to);
    const row = this.#latencies.get(from) ?? new Map<string, number>();
    this.#latencies.set(from, row.set(to, latencyMs));
    return latencyMs;
  }

  #delayMs(from: string, to: string, { faults }: Fate, bytes: number): number {
    const baseMs = this.#baseMs(from, to);
    const spreadMs = baseMs * JITTER_SHARE + (faults.jitterMs ?? 0);
    const sendMs = faults.bytesPerSecond === undefined ? 0 : (1000 * bytes) / faults.bytesPerSecond;
    return Math.ceil(baseMs + spreadMs * this.#random.fraction() + (faults.delayMs ?? 0) + sendMs);
  }
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

class OpenStream {
  readonly from: string;
  readonly to: string;
  readonly sinceMs: number;
  isStalled = false;
  fail: (error: Error) => void = () => {};

  constructor(from: string, to: string, sinceMs: number) {
    this.from = from;
    this.to = to;
    this.sinceMs = sinceMs;
  }
}

/** A response whose body ends early: the reader gets a part of it, then an error. */
function cutResponse(response: SimulatedResponse): SimulatedResponse {
  const bytes = response.heldBytes;
  if (bytes === null) return response;
  return new SimulatedResponse(cutBody(bytes), { status: response.status, headers: response.headers });
}

/** The first half of a body, and then an error. */
export function cutBody(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let isHalfSent = false;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (isHalfSent) controller.error(new ConnectionLostError("the body was cut"));
        else controller.enqueue(bytes.slice(0, Math.ceil(bytes.byteLength / 2)));
        isHalfSent = true;
      },
    },
    { highWaterMark: 0 },
  );
}

function sizeOf(value: unknown): number {
  if (value instanceof SimulatedResponse) return value.heldBytes?.byteLength ?? 0;
  return value instanceof Uint8Array ? value.byteLength : 0;
}
