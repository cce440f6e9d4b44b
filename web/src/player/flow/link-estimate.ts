/** What a link carries, from the reads of a response; pure. A live response is seldom limited by the link, but its bursts are. */

/** Limits of the estimate, each with its reason. */
const LINK_LIMITS = {
  /** Reads that follow each other within this time are one burst. */
  burstGapMs: 25,
  /** Shorter bursts say nothing. */
  burstBytes: 24_000,
  /** Clocks and buffers are no finer. */
  shortestMs: 3,
  bursts: 12,
  receivedMs: 1_000,
  /** A full link brings something all the time; after this long without bytes it is the source that has none. */
  quietMs: 400,
} as const;

/** See the file's first line. */
export class LinkEstimate {
  readonly #reads: { readonly atMs: number; readonly bytes: number }[] = [];
  readonly #rates: number[] = [];
  #burst = { beganMs: 0, lastMs: Number.NEGATIVE_INFINITY, firstBytes: 0, bytes: 0 };

  add(atMs: number, bytes: number): void {
    this.#reads.push({ atMs, bytes });
    const { burstGapMs } = LINK_LIMITS;
    if (atMs - this.#burst.lastMs > burstGapMs) {
      this.#closeBurst();
      this.#burst = { beganMs: atMs, lastMs: atMs, firstBytes: bytes, bytes };
    } else {
      this.#burst = { ...this.#burst, lastMs: atMs, bytes: this.#burst.bytes + bytes };
    }
  }

  /** Bits that came in the second before `nowMs`; 0 where nothing comes now. */
  receivedBps(nowMs: number): number {
    const { receivedMs, quietMs } = LINK_LIMITS;
    if (nowMs - this.#burst.lastMs > quietMs) return 0;
    for (let first = this.#reads[0]; first !== undefined && first.atMs < nowMs - receivedMs; first = this.#reads[0]) {
      this.#reads.shift();
    }
    return this.#reads.reduce((sum, { bytes }) => sum + bytes, 0) * 8 * (1000 / receivedMs);
  }

  /** Bits per second that three in four bursts reached; null before the first burst. */
  get linkBps(): number | null {
    if (this.#rates.length === 0) return null;
    const sorted = this.#rates.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 4)] ?? null;
  }

  #closeBurst(): void {
    const { bytes, firstBytes, beganMs, lastMs } = this.#burst;
    if (bytes < LINK_LIMITS.burstBytes) return;
    // The first read had waited for its reader; a burst in one read came faster than can be measured.
    const counted = bytes === firstBytes ? bytes : bytes - firstBytes;
    this.#rates.push((counted * 8000) / Math.max(LINK_LIMITS.shortestMs, lastMs - beganMs));
    if (this.#rates.length > LINK_LIMITS.bursts) this.#rates.shift();
  }
}
