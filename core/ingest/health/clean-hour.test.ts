/** An hour of senders that tell everything: renditions, OBS's own metrics, packets that are repaired, and pauses of speech. */
import { expect, test } from "vitest";
import { concatBytes } from "../../kit/bytes.ts";
import { joinWithLengths } from "../nal/annex-b.ts";
import { fromHex, metricsMessages, pictureWithMessages } from "../obs/testing.ts";
import { HealthMonitor } from "./health-monitor.ts";
import {
  CLEAN_SENDER,
  runMonitor,
  START_MS,
  type SyntheticSender,
  syntheticEvents,
  type TimedEvent,
} from "./testing.ts";

const HOUR_S = 3_600;
/** A stereo frame without sections, as FFmpeg codes silence. */
const SILENT_AAC = fromHex("211004608c1c");
/** Between the phrases of a quiet speaker, of each minute. */
const PAUSE_S = 25;

/** The sender as OBS sends it: a second rendition, and metrics of some frames late in each keyframe. */
function* obsEvents(sender: SyntheticSender): Generator<TimedEvent> {
  for (const { event, atMs } of syntheticEvents(sender, 0, HOUR_S)) {
    if (event.kind === "metadata") continue;
    const secondS = (atMs - START_MS) / 1_000;
    if (event.media === "audio") {
      const isPause = event.kind === "frame" && secondS % 60 < PAUSE_S;
      yield { event: isPause ? { ...event, data: SILENT_AAC } : event, atMs };
    } else if (event.kind === "config") {
      yield { event, atMs };
      yield { event: { ...event, track: 1 }, atMs };
    } else {
      const data = event.sync ? concatBytes([metricsAt(atMs, secondS), joinWithLengths([event.data])]) : event.data;
      yield { event: { ...event, data }, atMs };
      yield { event: { ...event, track: 1, data: data.subarray(0, data.length >> 1) }, atMs };
    }
  }
}

/** Every fifth group has a late picture; the clock of the encoder is 400 ms off, and its queue has up to 90 ms. */
function metricsAt(atMs: number, secondS: number): Uint8Array {
  const late = Math.round(secondS / 2) % 5 === 0 ? 1 : 0;
  const queuedMs = atMs + 400 - (secondS % 90);
  const times = [queuedMs - 120, queuedMs - 100, queuedMs - 99, queuedMs] as const;
  return pictureWithMessages("h264", metricsMessages({ times, session: [60, late, 0, 120], rendition: [60, 0, 60] }));
}

test("a clean hour of OBS's renditions over a link that repairs its losses raises nothing", {
  timeout: 120_000,
}, () => {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  monitor.pushPublishDelay(240);
  const sender = { ...CLEAN_SENDER, timescale: 90_000, bitsPerSecond: 5_000_000 };
  const changes = runMonitor(monitor, obsEvents(sender), HOUR_S - 1, (afterMs) => {
    const received = Math.round(afterMs * 0.6);
    const missing = Math.round(received * 0.003);
    const packets = { received, missing, repaired: missing, lost: 0 };
    const roundTripMs = 40 + (afterMs % 7_000) / 200;
    monitor.pushTransport({ receivedBytes: afterMs, roundTripMs, latencyMs: 400, packets }, START_MS + afterMs);
  });
  expect(changes.map(({ check }) => `${check.id}: ${check.say}`)).toEqual([]);
  expect(monitor.report.measures).toMatchObject({ framesPerSecond: 30, encodeMs: 120, compositionMs: null });
});
