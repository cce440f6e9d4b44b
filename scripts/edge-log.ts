/** What an edge of this machine says: what its Workers and miniflare say, but one sentence where the disk is full. */
import { Log, LogLevel } from "miniflare";

/** workerd's words where the disk is full, a stack trace for each write. */
const FULL = /No space left on device|SQLITE_FULL|database or disk is full/;
/** What follows from it, and comes within this time. */
const FOLLOWS = /internal error; reference|R2 error response|R2 refused|doesn't answer|didn't answer/;
const FOLLOWS_MS = 15_000;
/** The sentence comes again after this while the disk stays full. */
const AGAIN_MS = 60_000;

/** The log of an edge whose data lies in `path`. */
export class EdgeLog extends Log {
  readonly #path: string;
  readonly #write: (isBad: boolean, text: string) => void;
  readonly #nowMs: () => number;
  #fullMs = Number.NEGATIVE_INFINITY;
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(
    path: string,
    write: (isBad: boolean, text: string) => void = (isBad, text) => (isBad ? console.error(text) : console.log(text)),
    nowMs: () => number = () => performance.now(),
  ) {
    super(LogLevel.WARN);
    this.#path = path;
    this.#write = write;
    this.#nowMs = nowMs;
  }

  /** What a Worker or workerd itself says. */
  say(level: string, message: string): void {
    if (!this.#isOfFullDisk(message)) this.#write(level === "error" || level === "warn", message);
  }

  /** What miniflare says. */
  override error(error: Error): void {
    if (!this.#isOfFullDisk(error.stack ?? error.message)) super.error(error);
  }

  #isOfFullDisk(message: string): boolean {
    const now = this.#nowMs();
    if (!FULL.test(message)) return now - this.#fullMs < FOLLOWS_MS && FOLLOWS.test(message);
    this.#fullMs = now;
    if (now - this.#saidMs < AGAIN_MS) return true;
    this.#saidMs = now;
    this.#write(
      true,
      `corral: There is no room left for ${this.#path}; what comes is kept in memory until there is some.`,
    );
    return true;
  }
}
