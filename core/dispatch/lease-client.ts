/** A node's side of dispatch: it tells its capacity and jobs, and hears which of them have a place. */
import type { Clock } from "../kit/clock.ts";
import { DISPATCH_LIMITS } from "./dispatch-limits.ts";
import type { DispatchAnswer, JobLease, NodeHeartbeat } from "./dispatch-message.ts";

/** A heartbeat under way. */
export interface HeartbeatCall {
  /** Rejects without an answer. */
  readonly answer: Promise<DispatchAnswer>;
  abort(): void;
}

/** What a client needs. */
export interface LeaseClientOptions {
  readonly clock: Clock;
  /** Of this process. */
  readonly instance: string;
  /** Sends a heartbeat. */
  readonly send: (message: NodeHeartbeat) => HeartbeatCall;
  /** Says goodbye; what fails is not repeated. */
  readonly leave: () => Promise<void>;
  /** Places that are free beside what runs here, measured. */
  readonly freePlaces: () => number;
  /** The object has not answered, or answers again. */
  readonly onReachable?: (isReachable: boolean, reason: string) => void;
  /** Other homes' jobs: what runs here, and what has to. Without it none are taken. */
  readonly guests?: {
    readonly running: () => readonly JobLease[];
    readonly apply: (leases: readonly JobLease[]) => void;
  };
}

/** What is known of a request for a place. `moved`: the sender is at another node now. */
export type PlaceState =
  | { readonly kind: "asked" }
  | { readonly kind: "waiting"; readonly ahead: number; readonly roomAt: string | null }
  | { readonly kind: "placed"; readonly node: string; readonly fence: number }
  | { readonly kind: "moved" };

/** A job of this node. */
export interface RequestedPlace {
  readonly state: PlaceState;
  /** It runs here from now on, by a lease or by the node's own decision. */
  markRunning(): void;
  /** The job has ended. */
  release(): void;
}

interface ClientJob {
  readonly job: string;
  readonly sinceMs: number;
  readonly isPortable: boolean;
  readonly onChange: (state: PlaceState) => void;
  isRunning: boolean;
  state: PlaceState;
}

/** See the file's first line. */
export class LeaseClient {
  readonly #options: LeaseClientOptions;
  readonly #jobs = new Map<string, ClientJob>();
  #sequence = 0;
  #isDraining = false;
  #isClosed = false;
  #cancelTimer: () => void = () => {};
  #dueMs = Number.POSITIVE_INFINITY;
  #sentMs = Number.NEGATIVE_INFINITY;
  #pending: HeartbeatCall | null = null;
  /** The jobs of the message that is under way. */
  #told: ReadonlySet<ClientJob> = new Set();
  #isReachable = true;
  /** What the last answer said of waiting jobs and guests. */
  #lastNews = "";

  constructor(options: LeaseClientOptions) {
    this.#options = options;
  }

  /** Begins the heartbeats. */
  start(): void {
    this.#sendBy(0);
  }

  /** Whether the last message was answered. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  /** Asks for a place for `job`; a job is asked for once at a time. `onChange` is called with each new state. */
  request(job: string, isPortable: boolean, onChange: (state: PlaceState) => void): RequestedPlace {
    const sinceMs = this.#options.clock.monotonicMs();
    const asked: ClientJob = { job, sinceMs, isPortable, onChange, isRunning: false, state: { kind: "asked" } };
    this.#jobs.set(job, asked);
    this.#sendBy(0);
    return {
      get state(): PlaceState {
        return asked.state;
      },
      markRunning: () => {
        asked.isRunning = true;
        this.#sendBy(0);
      },
      release: () => {
        if (this.#jobs.get(job) !== asked) return;
        this.#jobs.delete(job);
        this.#sendBy(0);
      },
    };
  }

  /** No place is leased to other homes' jobs here any more. */
  drain(): void {
    this.#isDraining = true;
    this.#sendBy(0);
  }

  /** Ends the heartbeats, and gives everything back. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer();
    this.#pending?.abort();
    await this.#options.leave().catch(() => {});
  }

  /** Sends a message within `delayMs`, but not sooner after the last one than the gap. */
  #sendBy(delayMs: number): void {
    if (this.#isClosed) return;
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const atMs = Math.max(nowMs + delayMs, this.#sentMs + DISPATCH_LIMITS.messageGapMs);
    if (atMs >= this.#dueMs) return;
    this.#cancelTimer();
    this.#dueMs = atMs;
    this.#cancelTimer = clock.startTimer(atMs - nowMs, () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      void this.#send();
    });
  }

  /** Sends all that is known; an earlier message that is still parked is abandoned. */
  async #send(): Promise<void> {
    const { clock, send } = this.#options;
    this.#pending?.abort();
    this.#sentMs = clock.monotonicMs();
    this.#sendBy(DISPATCH_LIMITS.heartbeatMs);
    const call = send(this.#describe());
    this.#pending = call;
    const cancelDeadline = clock.startTimer(DISPATCH_LIMITS.answerMs, () => call.abort());
    try {
      const answer = await call.answer;
      if (this.#pending !== call || this.#isClosed) return;
      this.#pending = null;
      this.#setReachable(true, "");
      this.#apply(answer);
    } catch (error) {
      if (this.#pending !== call || this.#isClosed) return;
      this.#pending = null;
      this.#setReachable(false, error instanceof Error ? error.message : String(error));
      this.#sendBy(DISPATCH_LIMITS.retryMs);
    } finally {
      cancelDeadline();
    }
  }

  #describe(): NodeHeartbeat {
    const { clock, instance, freePlaces, guests } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#sequence += 1;
    // What runs has to be known; of what waits, the oldest.
    const told = [...this.#jobs.values()]
      .sort((a, b) => Number(b.isRunning) - Number(a.isRunning) || a.sinceMs - b.sinceMs)
      .slice(0, DISPATCH_LIMITS.jobsPerNode);
    this.#told = new Set(told);
    const jobs = told.map(({ job, isRunning, isPortable, sinceMs }) => {
      const waitedMs = Math.min(86_400_000, Math.round(nowMs - sinceMs));
      return { job, isRunning, isPortable, waitedMs };
    });
    return {
      ...{ instance, sequence: this.#sequence, isDraining: this.#isDraining, jobs },
      freePlaces: Math.min(DISPATCH_LIMITS.places, Math.max(0, Math.floor(freePlaces()))),
      takesPortable: guests !== undefined,
      guests: guests?.running() ?? [],
    };
  }

  #apply({ placed, waiting, guests }: DispatchAnswer): void {
    const states = new Map<string, PlaceState>();
    for (const { job, node, fence } of placed) states.set(job, { kind: "placed", node, fence });
    for (const { job, ahead, roomAt } of waiting) states.set(job, { kind: "waiting", ahead, roomAt });
    this.#options.guests?.apply(guests);
    const key = JSON.stringify([waiting.map(({ job }) => job), guests]);
    const hasNews = key !== this.#lastNews;
    this.#lastNews = key;
    for (const job of [...this.#jobs.values()]) {
      const state = states.get(job.job);
      // A job that was asked for after the message was sent is not in its answer.
      if (!this.#told.has(job)) continue;
      job.state = state ?? { kind: "moved" };
      job.onChange(job.state);
    }
    // The next message says that this is known, and is parked: further changes are heard at once.
    if (hasNews && (waiting.length > 0 || this.#options.guests !== undefined)) this.#sendBy(0);
  }

  #setReachable(isReachable: boolean, reason: string): void {
    if (this.#isReachable === isReachable) return;
    this.#isReachable = isReachable;
    this.#options.onReachable?.(isReachable, reason);
  }
}
