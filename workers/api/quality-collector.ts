/**
 * Viewers' reports in this isolate: summed for each stream, and sent to its Live object once in a while, so that an object gets
 * one call for all reports of an isolate. What an isolate loses with its memory is lost: the reports are samples.
 */
import { sleep } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { mergeTables, type QualityTables } from "../../core/quality/quality-tally.ts";
import type { RequestScope } from "../kit/app-env.ts";

/** Limits of an isolate's sums, each with its reason. */
export const COLLECTOR_LIMITS = {
  /** Streams at once: as many as an isolate follows. Reports of further ones are dropped. */
  streams: 64,
  /** A stream's sums are sent this long after its first report: a request's `waitUntil` may last 30 s. */
  periodMs: 20_000,
  /** Sums that nobody has sent by then were left by a request that the platform ended. */
  abandonedMs: 40_000,
} as const;

/** What a report's request gives. */
type CollectorScope = Pick<RequestScope, "env" | "platform" | "ctx">;

/** See the file's first lines. */
export class QualityCollector {
  readonly #sums = new Map<StreamName, { readonly tables: QualityTables; readonly sinceMs: number }>();

  /** Adds a report's tables. */
  add(scope: CollectorScope, stream: StreamName, tables: QualityTables): void {
    const nowMs = scope.platform.clock.monotonicMs();
    const known = this.#sums.get(stream);
    if (known === undefined && !this.#makeRoom(nowMs)) return;
    const isAwaited = known !== undefined && !isAbandoned(known.sinceMs, nowMs);
    this.#sums.set(stream, {
      tables: known === undefined ? tables : mergeTables(known.tables, tables),
      sinceMs: isAwaited ? known.sinceMs : nowMs,
    });
    if (!isAwaited) scope.ctx.waitUntil(this.#sendLater(scope, stream));
  }

  /** Whether there is room for a further stream. Abandoned sums give way: their streams may never get another report. */
  #makeRoom(nowMs: number): boolean {
    if (this.#sums.size < COLLECTOR_LIMITS.streams) return true;
    for (const [stream, { sinceMs }] of this.#sums) if (isAbandoned(sinceMs, nowMs)) this.#sums.delete(stream);
    return this.#sums.size < COLLECTOR_LIMITS.streams;
  }

  async #sendLater({ env, platform }: CollectorScope, stream: StreamName): Promise<void> {
    await sleep(platform.clock, COLLECTOR_LIMITS.periodMs);
    const sums = this.#sums.get(stream);
    this.#sums.delete(stream);
    if (sums === undefined) return;
    try {
      await env.LIVE.getByName(stream).addQuality(sums.tables);
    } catch (error) {
      console.warn("viewers' reports were not taken", error);
    }
  }
}

const isAbandoned = (sinceMs: number, nowMs: number): boolean => nowMs - sinceMs >= COLLECTOR_LIMITS.abandonedMs;
