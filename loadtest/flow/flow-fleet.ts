/** Viewers by flow, which a thread of their own runs. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { MediaShape } from "../publisher.ts";

/** The viewers' job: they open `urls` in turn within `arrivalMs`, and stay. */
export interface FlowViewersJob {
  readonly urls: readonly string[];
  readonly viewers: number;
  readonly arrivalMs: number;
  /** Whether a viewer whose response ends or breaks asks again, as players do. */
  readonly isPersistent?: boolean;
  /** The published media, fragments of text. */
  readonly shape: MediaShape;
}

/** What they have seen since they came; times are those since the last report. */
export interface FlowViewersReport {
  /** Viewers that have media of all tracks. */
  readonly watching: number;
  readonly responses: number;
  /** Responses 503, after which viewers come again. */
  readonly refused: number;
  /** Other responses, and broken connections. */
  readonly failed: number;
  /** Responses that the edge ended. */
  readonly ended: number;
  readonly wrongBytes: number;
  readonly outOfOrder: number;
  /** Parts that viewers did not get, because they were behind. */
  readonly skipped: number;
  /** Parts that came over 0.5 s late, and those that are by now. */
  readonly stalls: number;
  /** The longest time that a track's next part was late for a viewer, from 0.5 s on, its new responses and what has not come yet included; 0: none. */
  readonly longestStallMs: number;
  readonly parts: number;
  /** When responses ended, milliseconds since the epoch. */
  readonly endsMs: readonly number[];
  /** Request → media of all tracks, milliseconds. */
  readonly joinsMs: readonly number[];
  /** Time between the first and the last viewer to have a part, of each part that all got, milliseconds. */
  readonly spreadsMs: readonly number[];
}

/** What the thread of the viewers is told: to report, or that the isolate at an index of `urls` is lost. */
export type FlowViewersMessage = "report" | { readonly lostIsolate: number };

/** See the file's first line. */
export class FlowFleet {
  readonly #worker: Worker;

  constructor(job: FlowViewersJob) {
    this.#worker = new Worker(new URL("./flow-viewers.ts", import.meta.url), { workerData: job });
  }

  /** Rejects if the thread has failed. */
  async report(): Promise<FlowViewersReport> {
    this.#send("report");
    const [report] = (await once(this.#worker, "message")) as [FlowViewersReport];
    return report;
  }

  /**
   * The isolate number `index` of `urls` is lost: its viewers' connections are reset, and they ask the others, as the platform has
   * them do. Its own memory is not lost, since all isolates of this machine are in one process.
   */
  loseIsolate(index: number): void {
    this.#send({ lostIsolate: index });
  }

  #send(message: FlowViewersMessage): void {
    this.#worker.postMessage(message);
  }

  /** The viewers leave. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
