/**
 * Reports the viewer's quality to the edge as events of CMCD version 2 (CTA-5004-B). A module of its own: it is loaded some time
 * after the first picture, by the viewers that report.
 */
import { CMCD_MIME_TYPE, type Cmcd, encodeCmcd, toCmcdValue } from "@svta/cml-cmcd";
import { type Platform, startInterval } from "../../../core/kit/clock.ts";
import { isSampled, reportShare } from "../../../core/quality/report-sampling.ts";
import { WATCHED_KEY } from "../../../core/quality/viewer-report.ts";
import { type QualityEvent, type QualityReading, QualitySession } from "./quality-session.ts";
import type { PlaybackStats } from "./stats.ts";
import type { WatchStatus } from "./status.ts";

/** How often the player is read. */
const READ_MS = 1_000;

/** What the page knows of its playback. */
export interface PlaybackFacts {
  readonly stats: Pick<PlaybackStats, "state" | "delayS" | "rendition">;
  readonly status: WatchStatus | null;
  readonly isPaused: boolean;
  readonly stalledMs: number;
}

/** What reports are made of. */
export interface QualityReporterOptions {
  readonly stream: string;
  readonly platform: Platform;
  /** How long the page's first picture took, null if unknown. */
  readonly startupMs: number | null;
  readonly read: () => PlaybackFacts;
}

/** Reports until the page is left. `sid`: of its first broadcast; each further one is a session of its own. */
export function startQualityReports({ stream, platform, startupMs, read }: QualityReporterOptions, sid: string): void {
  const { clock, newId } = platform;
  let session = new QualitySession(startupMs);
  let id = sid;
  let cid: string | null = null;

  const send = (event: QualityEvent | null): void => {
    // The audience may have grown: fewer of its viewers report then.
    if (event === null || cid === null || !isSampled(id, reportShare(read().status?.audience?.watching ?? 0))) return;
    const text = encodeEvent(event, { sid: id, cid, ts: clock.nowMs() });
    // Without an answer, and also while the page is left.
    navigator.sendBeacon(`/api/streams/${stream}/cmcd`, new Blob([text], { type: CMCD_MIME_TYPE }));
  };

  const look = (): void => {
    const facts = read();
    const broadcast = broadcastOf(facts.status);
    if (broadcast !== null && broadcast !== cid) {
      if (cid !== null) {
        send(session.end(clock.monotonicMs()));
        session = new QualitySession(null);
        id = newId();
      }
      cid = broadcast;
    }
    if (cid !== null) send(session.read(clock.monotonicMs(), toReading(facts)));
  };

  look();
  startInterval(clock, READ_MS, look);
  addEventListener("pagehide", () => send(session.end(clock.monotonicMs())));
}

/** The reading in what the page knows. */
export function toReading({ stats, status, isPaused, stalledMs }: PlaybackFacts): QualityReading {
  const track = status?.tracks.find(({ name }) => name === stats.rendition);
  return {
    isPlaying: stats.state === "live" && !isPaused,
    stalledMs,
    delayMs: stats.delayS === null ? null : 1000 * stats.delayS,
    bitrateKbps: track === undefined ? null : track.bandwidth / 1000,
    hasFailed: stats.state === "failed",
  };
}

function broadcastOf(status: WatchStatus | null): string | null {
  return status === null || status.source.state === "none" ? null : status.source.broadcast;
}

/** An event as a line of CMCD. */
export function encodeEvent(
  { e, sta, sn, watchedMs, stallsMs, startupMs, delayMs, bitrateKbps }: QualityEvent,
  session: { readonly sid: string; readonly cid: string; readonly ts: number },
): string {
  const data: Cmcd = {
    ...{ e, sta, sn, ...session },
    st: "l",
    ...(startupMs === null ? {} : { msd: Math.round(startupMs) }),
    ...(delayMs === null ? {} : { ltc: delayMs }),
    ...(bitrateKbps === null ? {} : { br: [toCmcdValue(bitrateKbps, { v: true })] }),
    ...(stallsMs.length === 0 ? {} : { bsd: [...stallsMs] }),
    ...(e === "e" ? { ec: ["playback"] } : {}),
    [WATCHED_KEY]: watchedMs,
  };
  return encodeCmcd(data, { version: 2, reportingMode: "event" });
}
