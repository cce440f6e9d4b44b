/** What a viewer's page reports of the playback of one broadcast, and when; pure: readings and times are passed in. */

/** Times, each with its reason. */
export const QUALITY_SESSION_LIMITS = {
  /** A report tells of this long: minutes, so that viewers' reports are few. */
  everyMs: 300_000,
  /** The first report waits this long for the rendition: hls.js names it some time after the first picture. */
  renditionMs: 5_000,
  /** A stall is told at once, but no more often than this. */
  stallEveryMs: 60_000,
  /** A page that sleeps is read late: no more than this was watched between two readings. */
  readingMs: 5_000,
  /** A stall that is longer was the network's or the broadcast's end. */
  stallMs: 60_000,
} as const;

/** The player at one time. */
export interface QualityReading {
  readonly isPlaying: boolean;
  /** How long stalls took that are over, since the page opened. */
  readonly stalledMs: number;
  readonly delayMs: number | null;
  /** Declared bit rate of the picture, kb/s. */
  readonly bitrateKbps: number | null;
  readonly hasFailed: boolean;
}

/** An event of CMCD version 2: `ps` the play state changed, `t` an interval is over, `e` an error. */
export interface QualityEvent {
  readonly e: "ps" | "t" | "e";
  /** The player's state: playing, ended by the viewer, or failed for good. */
  readonly sta: "p" | "q" | "f";
  readonly sn: number;
  /** Whole milliseconds, as the others. */
  readonly watchedMs: number;
  readonly stallsMs: readonly number[];
  /** Of the first event only. */
  readonly startupMs: number | null;
  readonly delayMs: number | null;
  readonly bitrateKbps: number | null;
}

/** The session of one viewer with one broadcast. */
export class QualitySession {
  #startupMs: number | null;
  #beganMs = 0;
  #sentMs = 0;
  #readMs = 0;
  #sn = 0;
  #watchedMs = 0;
  #stallsMs: number[] = [];
  #last: QualityReading | null = null;

  /** `startupMs`: how long the first picture took, null if unknown. */
  constructor(startupMs: number | null) {
    this.#startupMs = startupMs;
  }

  /** Takes a reading; returns the event that is due, or null. `nowMs` is monotonic. */
  read(nowMs: number, reading: QualityReading): QualityEvent | null {
    const last = this.#last;
    if (last === null && !reading.isPlaying) return null;
    const stalledMs = last === null ? 0 : Math.max(0, reading.stalledMs - last.stalledMs);
    if (stalledMs > 0) this.#stallsMs.push(Math.round(Math.min(stalledMs, QUALITY_SESSION_LIMITS.stallMs)));
    if (last?.isPlaying === true) {
      const passedMs = Math.min(nowMs - this.#readMs, QUALITY_SESSION_LIMITS.readingMs);
      this.#watchedMs += Math.max(0, passedMs - stalledMs);
    }
    const hasJustFailed = reading.hasFailed && last?.hasFailed !== true;
    this.#readMs = nowMs;
    this.#last = reading;
    if (last === null) this.#beganMs = nowMs;
    if (hasJustFailed) return this.#take(nowMs, "e", "f");
    if (this.#sn === 0) {
      const isAwaited = nowMs - this.#beganMs < QUALITY_SESSION_LIMITS.renditionMs;
      return reading.bitrateKbps === null && isAwaited ? null : this.#take(nowMs, "ps", "p");
    }
    const passedMs = nowMs - this.#sentMs;
    if (this.#stallsMs.length > 0 && passedMs >= QUALITY_SESSION_LIMITS.stallEveryMs)
      return this.#take(nowMs, "ps", "p");
    const isDue = passedMs >= QUALITY_SESSION_LIMITS.everyMs && this.#watchedMs > 0;
    return isDue ? this.#take(nowMs, "t", "p") : null;
  }

  /** The last event, if there is anything to tell: the page is left, or the broadcast is another. */
  end(nowMs: number): QualityEvent | null {
    const hasNews = this.#watchedMs > 0 || this.#stallsMs.length > 0;
    return hasNews ? this.#take(nowMs, "ps", "q") : null;
  }

  #take(nowMs: number, e: QualityEvent["e"], sta: QualityEvent["sta"]): QualityEvent {
    const { delayMs = null, bitrateKbps = null } = this.#last ?? {};
    const event = {
      ...{ e, sta, sn: this.#sn, watchedMs: Math.round(this.#watchedMs), stallsMs: this.#stallsMs },
      startupMs: this.#startupMs,
      delayMs: delayMs === null ? null : Math.max(0, Math.round(delayMs)),
      bitrateKbps: bitrateKbps === null ? null : Math.round(bitrateKbps),
    };
    this.#sn += 1;
    this.#sentMs = nowMs;
    this.#watchedMs = 0;
    this.#stallsMs = [];
    this.#startupMs = null;
    return event;
  }
}
