/**
 * A flood from a separate process with low priority: an attacker's requests come from another machine,
 * so their cost here should be the edge's time only.
 */
import { type ChildProcess, fork } from "node:child_process";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";

const PROCESS = fileURLToPath(new URL("flood-process.ts", import.meta.url));

/** One request of a flood; `{n}` in its path is replaced by another number each time. */
export interface FloodRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A body, or the size of one of zeros. */
  readonly body?: string;
  readonly bodyBytes?: number;
  /** A frame of at most 125 bytes: a WebSocket is opened, sends it, and is closed at the first answer. */
  readonly hello?: string;
}

/** The size of a flood. */
export interface FloodBounds {
  readonly connections?: number;
  readonly perSecond?: number;
  readonly most?: number;
}

/** The job of a flood's process. */
export interface FloodJob extends Required<FloodBounds> {
  readonly port: number;
  readonly requests: readonly FloodRequest[];
}

/** The result of a flood: requests by status, 0 for broken connections. */
export type FloodStatuses = Readonly<Record<number, number>>;

/** The number of these requests. */
export const requestsIn = (statuses: FloodStatuses): number =>
  Object.values(statuses).reduce((sum, count) => sum + count, 0);

/** A running flood. */
export class Flood {
  readonly #process: ChildProcess;
  /** Resolves when it has started. */
  readonly begun: Promise<void>;
  readonly #over: Promise<FloodStatuses>;

  /** At most `perSecond` requests over `connections` connections, `most` in total. */
  constructor(
    port: number,
    requests: readonly FloodRequest[],
    { connections = 16, perSecond = 1_000, most = Number.MAX_SAFE_INTEGER }: FloodBounds = {},
  ) {
    this.#process = fork(PROCESS);
    if (this.#process.pid !== undefined) setPriority(this.#process.pid, constants.priority.PRIORITY_LOW);
    this.#process.send({ port, requests, connections, perSecond, most } satisfies FloodJob);
    this.begun = new Promise((resolve) => {
      this.#process.once("message", () => resolve());
    });
    this.#over = new Promise((resolve, reject) => {
      this.#process.on("message", (message: "begun" | { readonly statuses: FloodStatuses }) => {
        if (message !== "begun") resolve(message.statuses);
      });
      this.#process.once("exit", () => reject(new Error("the flood's process ended")));
    });
  }

  /** Waits for the last request. */
  over(): Promise<FloodStatuses> {
    return this.#over;
  }

  /** Stops sending, and waits for pending requests. */
  stop(): Promise<FloodStatuses> {
    this.#process.send("stop");
    return this.over();
  }
}
