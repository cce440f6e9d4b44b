/** Each check of the vocabulary, by a sender that raises it. */
import { expect, test } from "vitest";
import { fromHex } from "../obs/testing.ts";
import type { SenderRoles } from "./backup-state.ts";
import { HEALTH_CHECK_IDS, type HealthCheckId, type HealthSeverity } from "./health-check.ts";
import { HEALTH_RULES, HealthMonitor } from "./health-monitor.ts";
import {
  audioConfig,
  CLEAN_SENDER,
  cleanEvents,
  eventsWithMetrics,
  mergeEvents,
  raisedIds,
  runMonitor,
  START_MS,
  type SyntheticSender,
  syntheticEvents,
  type TimedEvent,
  transportSample,
  videoConfig,
} from "./testing.ts";

/** A sender and what is expected of it. */
interface Case {
  readonly id: HealthCheckId;
  readonly severity: HealthSeverity;
  /** The check is raised at the latest by then, and at the earliest from then. */
  readonly byS: number;
  readonly fromS?: number;
  readonly sender?: Partial<SyntheticSender>;
  readonly events?: () => Iterable<TimedEvent>;
  /** Connections, statistics and other inputs, before each tick. */
  readonly onTick?: (monitor: HealthMonitor, afterMs: number) => void;
  readonly says: RegExp;
}

const at = (afterMs: number, event: TimedEvent["event"]): TimedEvent => ({ event, atMs: START_MS + afterMs });

const pushTransport =
  (sample: Parameters<typeof transportSample>[1]) =>
  (monitor: HealthMonitor, afterMs: number): void =>
    monitor.pushTransport(transportSample(afterMs, sample), START_MS + afterMs);

const pushRoles =
  (roles: Partial<SenderRoles>) =>
  (monitor: HealthMonitor, afterMs: number): void =>
    monitor.pushRoles(
      { onAir: "primary", hasPrimary: true, hasBackup: false, differs: null, ...roles },
      START_MS + afterMs,
    );
/** A stereo frame without sections, as FFmpeg codes silence. */
const SILENT_AAC = fromHex("211004608c1c");
const silenced = ({ event, atMs }: TimedEvent): TimedEvent =>
  event.kind === "frame" && event.media === "audio" ? { event: { ...event, data: SILENT_AAC }, atMs } : { event, atMs };

const CASES: readonly Case[] = [
  { id: "starved", severity: "error", fromS: 10, byS: 12, sender: { arrive: (ms) => ms * 1.25 }, says: /Only 80 %/ },
  {
    ...{ id: "no-data", severity: "error", fromS: 11, byS: 13, says: /nothing for 2 s/ },
    events: () => cleanEvents(10),
  },
  {
    ...{ id: "disconnected", severity: "error", byS: 5, says: /broke 0 s ago/ },
    onTick: (monitor, afterMs) => {
      if (afterMs === 5_000) monitor.pushConnection({ kind: "lost", waitMs: 60_000 }, START_MS + afterMs);
    },
  },
  {
    ...{ id: "key-revoked", severity: "error", byS: 5, says: /was revoked/ },
    onTick: (monitor, afterMs) => {
      if (afterMs === 5_000) monitor.pushConnection({ kind: "revoked" }, START_MS + afterMs);
    },
  },
  {
    ...{ id: "reconnecting-often", severity: "warning", fromS: 20, byS: 20, says: /3 times in five minutes/ },
    onTick: (monitor, afterMs) => {
      if (afterMs % 10_000 === 0) monitor.pushConnection({ kind: "connected" }, START_MS + afterMs);
    },
  },
  {
    id: "bitrate-high",
    severity: "warning",
    byS: 17,
    sender: { bitsPerSecond: 12e6 },
    says: /12\.\d Mb\/s.* 8\.0 Mb\/s/,
  },
  { id: "bitrate-low", severity: "warning", byS: 22, sender: { bitsPerSecond: 9e5 }, says: /0\.9 Mb\/s .*1080p30/ },
  {
    ...{ id: "bitrate-unsteady", severity: "info", byS: 62, says: /swings between/ },
    // The rate is that of the frames that are not left out.
    sender: { bitsPerSecond: 12e6, skips: (index, media) => media === "video" && index % 180 < 120 && index % 10 > 2 },
  },
  {
    id: "keyframes-rare",
    severity: "warning",
    fromS: 8,
    byS: 10,
    sender: { gop: 300 },
    says: /^Keyframes are [89]\.\d s or more apart/,
  },
  { id: "keyframes-often", severity: "info", byS: 4, sender: { gop: 15 }, says: /every 0\.5 s/ },
  {
    ...{ id: "keyframes-uneven", severity: "info", byS: 15, says: /varies from 1\.0 to|varies from 1\.0 s to 1\.5 s/ },
    events: () =>
      cleanEvents(40).map(({ event, atMs }) => {
        if (event.kind !== "frame" || event.media !== "video") return { event, atMs };
        const inPair = Math.round((event.dts - 1_000) * 0.03) % 75;
        return { event: { ...event, sync: inPair === 0 || inPair === 30 }, atMs };
      }),
  },
  {
    ...{ id: "gop-open", severity: "warning", byS: 7, says: /open GOP/ },
    events: () =>
      cleanEvents(20).map(({ event, atMs }) => {
        const isLeading =
          event.kind === "frame" && event.media === "video" && Math.round(event.dts * 0.03 - 30) % 60 === 1;
        return { event: isLeading ? { ...event, ctsOffset: -50 } : event, atMs };
      }),
  },
  {
    ...{ id: "tracks-not-aligned", severity: "error", byS: 8, says: /200 ms apart/ },
    events: () =>
      mergeEvents(
        cleanEvents(20),
        cleanEvents(20, { width: 1280, height: 720, hasAudio: false }).flatMap(({ event, atMs }): TimedEvent[] => {
          if (event.kind === "metadata") return [];
          if (event.kind === "config") return [{ event: { ...event, track: 1 }, atMs }];
          const index = Math.round((event.dts - 1_000) * 0.03);
          return [{ event: { ...event, track: 1, sync: index % 60 === 6 }, atMs }];
        }),
      ),
  },
  { id: "b-frames", severity: "info", byS: 3, sender: { bFrames: 2 }, says: /^2 B-frame.* 6[67] ms/ },
  {
    ...{ id: "frames-dropped", severity: "warning", byS: 22, says: /3\.[0-9] %/ },
    sender: { skips: (index, media) => media === "video" && index % 30 === 7 },
  },
  {
    ...{ id: "frame-rate-low", severity: "warning", byS: 22, says: /21 of 30/ },
    events: () => [
      at(0, {
        ...{ kind: "metadata", encoder: "obs", width: null, height: null, frameRate: 30 },
        ...{ videoBitsPerSecond: null, audioBitsPerSecond: null },
      }),
      ...cleanEvents(30, { fps: 21 }),
    ],
  },
  { id: "frame-rate-high", severity: "info", byS: 12, sender: { fps: 90, gop: 180 }, says: /90 frames/ },
  {
    ...{ id: "resolution-changed", severity: "warning", fromS: 5, byS: 6, says: /1920×1080 to 1280×720/ },
    events: () =>
      mergeEvents(cleanEvents(10), [at(5_000, videoConfig({ width: 1280, height: 720, timescale: 1_000 }))]),
  },
  {
    ...{ id: "codec-unsupported", severity: "error", byS: 1, says: /The video cannot be read/ },
    events: () => [at(0, { ...videoConfig(CLEAN_SENDER), record: new Uint8Array(3) })],
  },
  {
    ...{ id: "profile-unsupported", severity: "error", byS: 1, says: /4:4:4 with 8 bits/ },
    events: () => [at(0, videoConfig(CLEAN_SENDER, 0, { chromaFormat: 3 }))],
  },
  {
    ...{ id: "interlaced", severity: "error", byS: 1, says: /interlaced/ },
    events: () => [at(0, videoConfig(CLEAN_SENDER, 0, { isInterlaced: true }))],
  },
  { id: "video-missing", severity: "error", fromS: 5, byS: 6, sender: { hasVideo: false }, says: /no picture for 5 s/ },
  { id: "audio-missing", severity: "warning", fromS: 5, byS: 6, sender: { hasAudio: false }, says: /no sound for 5 s/ },
  {
    ...{ id: "audio-channels", severity: "warning", byS: 1, says: /6 channels/ },
    events: () => [at(0, audioConfig(1_000, 6))],
  },
  { id: "av-offset", severity: "error", byS: 22, sender: { audioOffsetMs: 400 }, says: /(39|40)\d ms behind/ },
  {
    id: "av-drift",
    severity: "warning",
    byS: 312,
    sender: { audioDriftMsPerMinute: 3 },
    says: /(2\.\d|3\.0) ms a minute/,
  },
  { id: "clock-drift", severity: "info", byS: 312, sender: { clockPpm: 300 }, says: /0\.0(29|30) % fast/ },
  {
    ...{ id: "timestamps-broken", severity: "error", fromS: 5, byS: 6, says: /ahead by 20\.\d\d s/ },
    events: () =>
      cleanEvents(15).map(({ event, atMs }) =>
        event.kind === "frame" && event.dts > 6_000
          ? { event: { ...event, dts: event.dts + 20_000 }, atMs }
          : { event, atMs },
      ),
  },
  {
    ...{ id: "faster-than-realtime", severity: "warning", byS: 12, says: /faster than real time/ },
    events: () => cleanEvents(30, { arrive: (ms) => ms / 2 }),
  },
  { id: "packet-loss", severity: "warning", byS: 15, onTick: pushTransport({ missing: 0.03 }), says: /3\.0 %.*3\.0 %/ },
  {
    ...{ id: "packet-loss-seen", severity: "error", byS: 10, says: /\d+ packet\(s\) did not come/ },
    onTick: pushTransport({ missing: 0.02, lost: 0.01 }),
  },
  { id: "round-trip-high", severity: "info", byS: 12, onTick: pushTransport({ roundTripMs: 310 }), says: /310 ms/ },
  {
    ...{ id: "latency-unfit", severity: "warning", byS: 12, says: /120 ms is too short .* 90 ms/ },
    onTick: pushTransport({ roundTripMs: 90, latencyMs: 120 }),
  },
  {
    ...{ id: "jitter-high", severity: "warning", byS: 22, says: /in bursts/ },
    sender: { arrive: (ms) => 300 * Math.ceil(ms / 300) },
  },
  {
    id: "ingest-delay",
    severity: "warning",
    byS: 12,
    onTick: (monitor) => monitor.pushPublishDelay(800),
    says: /0\.8 s/,
  },
  {
    ...{ id: "rendition-shed", severity: "warning", byS: 1, says: /480p, 360p/ },
    onTick: (monitor) => monitor.pushShedRenditions(["480p", "360p"]),
  },
  {
    id: "transcode-slow",
    severity: "error",
    byS: 7,
    onTick: (monitor) => monitor.pushTranscodeSpeed(0.94),
    says: /0\.94/,
  },
  {
    ...{ id: "rendering-lagging", severity: "warning", byS: 14, says: /composes 3\.3 % of its pictures too late/ },
    events: () => eventsWithMetrics(20, { session: [60, 2, 0, 60] }),
  },
  {
    ...{ id: "encoder-lagging", severity: "error", byS: 14, says: /skips 10 % of its pictures/ },
    events: () => eventsWithMetrics(20, { rendition: [60, 6, 54] }),
  },
  {
    ...{ id: "uplink-headroom", severity: "warning", fromS: 15, byS: 18, says: /waits 0\.8 s .* 10 % of the frames/ },
    events: () => eventsWithMetrics(20, { session: [60, 0, 6, 54] }, (ms) => (ms < 9_000 ? 40 : 840)),
  },
  {
    ...{ id: "audio-silent", severity: "warning", fromS: 35, byS: 37, says: /silent for 30 s/ },
    events: () => cleanEvents(38).map((each) => (each.atMs - START_MS < 5_000 ? each : silenced(each))),
  },
  {
    ...{ id: "audio-clipping", severity: "info", byS: 12, says: /2\.0 % of its samples/ },
    onTick: (monitor, afterMs) => monitor.pushSound({ dbfs: -9, clippedShare: 0.02 }, START_MS + afterMs),
  },
  {
    ...{ id: "capacity-wait", severity: "info", byS: 3, says: /waits for an encoder; 2 are before it/ },
    onTick: (monitor) => monitor.pushCapacityWait({ ahead: 2, roomAt: "node-b" }),
  },
  {
    ...{ id: "key-expiring", severity: "warning", byS: 1, says: /expires in 45 min/ },
    onTick: (monitor) => monitor.setKeyExpiry(START_MS + 2_700_000),
  },
  {
    ...{ id: "on-backup", severity: "warning", byS: 1, says: /on the air since/ },
    onTick: pushRoles({ onAir: "backup", hasBackup: true }),
  },
  {
    ...{ id: "backup-missing", severity: "info", fromS: 30, byS: 33, says: /No backup encoder/ },
    onTick: (monitor, afterMs) => pushRoles({ hasBackup: afterMs < 2_000 })(monitor, afterMs),
  },
  {
    ...{ id: "backup-differs", severity: "warning", byS: 1, says: /sends 720p30; the primary sends 1080p60/ },
    onTick: pushRoles({ hasBackup: true, differs: { backup: "720p30", primary: "1080p60" } }),
  },
];

test.each(CASES.map((each) => [each.id, each] as const))("%s is raised within its window", (_id, each) => {
  const monitor = new HealthMonitor({ maxBitsPerSecond: 8_000_000 });
  monitor.pushConnection({ kind: "connected" }, START_MS);
  const events = each.events?.() ?? syntheticEvents({ ...CLEAN_SENDER, ...each.sender }, 0, each.byS + 2);
  const onTick = (afterMs: number): void => each.onTick?.(monitor, afterMs);
  const changes = runMonitor(monitor, events, each.byS, onTick);
  const raised = changes.find(({ kind, check }) => kind === "raised" && check.id === each.id);
  expect(raised, `raised: ${raisedIds(changes).join(", ")}`).toBeDefined();
  expect(raised?.afterMs).toBeGreaterThanOrEqual(1_000 * (each.fromS ?? 0));
  const check = monitor.report.checks.find(({ id }) => id === each.id);
  expect(check?.severity).toBe(each.severity);
  expect(raised?.check.say).toMatch(each.says);
  expect(check?.fix).not.toBe("");
});

test("every check of the vocabulary has one rule and a sender that raises it", () => {
  const ids = [...HEALTH_CHECK_IDS].sort();
  expect(HEALTH_RULES.map(({ id }) => id).sort()).toEqual(ids);
  expect(CASES.map(({ id }) => id).sort()).toEqual(ids);
});
