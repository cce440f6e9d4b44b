/**
 * A flood from a process of its own, which yields the processor to everybody else: an attacker's requests come from another
 * machine, so what they take here is to be the edge's time and nobody's else.
 */
import { type ChildProcess, fork } from "node:child_process";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";

const PROCESS = fileURLToPath(new URL("flood-process.ts", import.meta.url));

/** One request of a flood; `{n}` in its path becomes another number each time. */
export interface FloodRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A body, or the bytes of one of zeros. */
  readonly body?: string;
  readonly bodyBytes?: number;
  /** A frame of at most 125 bytes: a WebSocket is opened, this is said, and with the first answer it is closed. */
  readonly hello?: string;
}

/** How large a flood is. */
export interface FloodBounds {
  readonly connections?: number;
  readonly perSecond?: number;
  readonly most?: number;
}

/** What the process of a flood is told. */
export interface FloodJob extends Required<FloodBounds> {
  readonly port: number;
  readonly requests: readonly FloodRequest[];
}

/** What came of a flood: requests by status, 0 for those whose connection broke. */
export type FloodStatuses = Readonly<Record<number, number>>;

/** How many requests these are. */
export const requestsIn = (statuses: FloodStatuses): number =>
  Object.values(statuses).reduce((sum, count) => sum + count, 0);

/** A flood under way. */
export class Flood {
  readonly #process: ChildProcess;
  /** It has begun. */
  readonly begun: Promise<void>;
  readonly #over: Promise<FloodStatuses>;

  /** At most `perSecond` requests over `connections` at once, `most` in all. */
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

  /** Sends no more, and waits for what is under way. */
  stop(): Promise<FloodStatuses> {
    this.#process.send("stop");
    return this.over();
  }
}
