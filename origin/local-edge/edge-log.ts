/** What an edge of this machine says: what its Workers and miniflare say, but one sentence where the disk is full. */
import { Log, LogLevel } from "miniflare";

/** workerd's words where the disk is full, a stack trace for each write. */
const DISK_FULL = /No space left on device|SQLITE_FULL|database or disk is full/;
/** What follows from it, and comes within this time. */
const DISK_FULL_CONSEQUENCE = /internal error; reference|R2 error response|R2 refused|doesn't answer|didn't answer/;
const CONSEQUENCE_MS = 15_000;
/** The sentence comes again after this while the disk stays full. */
const REPEAT_MS = 60_000;

/** The log of an edge whose data lies in `path`; `nowMs` is monotonic. */
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

  /** What a Worker or workerd itself says. */
  logWorkerLine(level: string, message: string): void {
    if (!this.#isDiskFull(message)) this.#write(level === "error" || level === "warn", message);
  }

  /** What miniflare says. */
  override error(error: Error): void {
    if (!this.#isDiskFull(error.stack ?? error.message)) super.error(error);
  }

  #isDiskFull(message: string): boolean {
    const now = this.#nowMs();
    if (!DISK_FULL.test(message)) return now - this.#diskFullMs < CONSEQUENCE_MS && DISK_FULL_CONSEQUENCE.test(message);
    this.#diskFullMs = now;
    if (now - this.#reportedMs < REPEAT_MS) return true;
    this.#reportedMs = now;
    this.#write(
      true,
      `corral: There is no room left for ${this.#path}; what comes is kept in memory until there is some.`,
    );
    return true;
  }
}
