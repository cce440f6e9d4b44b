/** The log of a local edge: lines of its Workers and of miniflare, with one sentence for a full disk. */
import { Log, LogLevel } from "miniflare";

/** workerd's messages on a full disk, a stack trace for each write. */
const DISK_FULL = /No space left on device|SQLITE_FULL|database or disk is full/;
/** Consequences of a full disk, which follow within `CONSEQUENCE_MS`. */
const DISK_FULL_CONSEQUENCE =
  /internal error; reference|R2 error response|R2 refused|(doesn't|didn't|does not|did not) answer/;
const CONSEQUENCE_MS = 15_000;
/** The sentence is repeated after this while the disk stays full. */
const REPEAT_MS = 60_000;

/** The log of an edge with its data in `path`; `nowMs` is monotonic. */
export class EdgeLog extends Log {
  readonly #path: string;
  readonly #write: (isBad: boolean, text: string) => void;
  readonly #nowMs: () => number;
  #diskFullMs = Number.NEGATIVE_INFINITY;
  #reportedMs = Number.NEGATIVE_INFINITY;

  constructor(
    path: string,
    nowMs: () => number,
    write: (isBad: boolean, text: string) => void = (isBad, text) => (isBad ? console.error(text) : console.log(text)),
  ) {
    super(LogLevel.WARN);
    this.#path = path;
    this.#write = write;
    this.#nowMs = nowMs;
  }

  /** Logs a line from a Worker or workerd. */
  logWorkerLine(level: string, message: string): void {
    if (!this.#isDiskFull(message)) this.#write(level === "error" || level === "warn", message);
  }

  /** Logs an error from miniflare. */
  override error(error: Error): void {
    if (!this.#isDiskFull(error.stack ?? error.message)) super.error(error);
  }

  #isDiskFull(message: string): boolean {
    const now = this.#nowMs();
    if (!DISK_FULL.test(message)) return now - this.#diskFullMs < CONSEQUENCE_MS && DISK_FULL_CONSEQUENCE.test(message);
    this.#diskFullMs = now;
    if (now - this.#reportedMs < REPEAT_MS) return true;
    this.#reportedMs = now;
    this.#write(true, `corral: The disk of ${this.#path} is full; new data stays in memory until there is space.`);
    return true;
  }
}
