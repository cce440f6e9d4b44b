/** FFmpeg's own streams, as they would arrive in real time. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { TransportDemuxer } from "../mpegts/demuxer.ts";
import { HealthMonitor } from "./health-monitor.ts";
import { raisedIds, runMonitor, START_MS, type TimedChange, type TimedEvent } from "./testing.ts";

const SECONDS = 24;

/** What FFmpeg makes with these options, each frame arriving at its decode time, in the order of the file. */
function record(options: string): TimedEvent[] {
  const source = `-f lavfi -i testsrc2=s=320x180:r=30:d=${SECONDS} -f lavfi -i sine=r=48000:d=${SECONDS}`;
  const args = `-v error ${source} -c:v libx264 -preset ultrafast ${options} -c:a aac -ac 2 -f mpegts -`.split(" ");
  const bytes = execFileSync("ffmpeg", args, { maxBuffer: 1 << 26, timeout: 60_000 });
  const demuxer = new TransportDemuxer();
  const events = [...demuxer.push(bytes), ...demuxer.end()];
  let firstMs: number | null = null;
  let atMs = START_MS;
  return events.map((event) => {
    if (event.kind === "frame") {
      const dtsMs = event.dts / 90;
      firstMs ??= dtsMs;
      atMs = Math.max(atMs, START_MS + dtsMs - firstMs);
    }
    return { event, atMs };
  });
}

function judge(options: string): TimedChange[] {
  const monitor = new HealthMonitor();
  monitor.pushConnection({ kind: "connected" }, START_MS);
  return runMonitor(monitor, record(options), SECONDS - 1);
}

test("an ordinary encoder's stream raises nothing", { timeout: 60_000 }, () => {
  expect(judge("-g 60 -sc_threshold 0 -bf 0").map(({ check }) => check.say)).toEqual([]);
});

test("a keyframe every 300 frames is told before the second one", { timeout: 60_000 }, () => {
  const changes = judge("-g 300 -keyint_min 300 -sc_threshold 0 -bf 0");
  expect(raisedIds(changes)).toEqual(["keyframes-rare"]);
  expect(changes[0]?.check.say).toMatch(/^Keyframes are [89]\.\d s or more apart/);
  expect(changes[0]?.afterMs).toBeLessThanOrEqual(10_000);
});

test("B-frames are told with the delay that they cost", { timeout: 60_000 }, () => {
  const changes = judge("-g 60 -sc_threshold 0 -bf 2 -b_strategy 0");
  expect(raisedIds(changes)).toEqual(["b-frames"]);
  expect(changes[0]?.check.say).toBe("2 B-frame(s) in a row delay the picture by 67 ms.");
});

test("field pictures are told", { timeout: 60_000 }, () => {
  expect(raisedIds(judge("-g 60 -sc_threshold 0 -bf 0 -flags +ildct+ilme -x264opts tff=1"))).toContain("interlaced");
});

test("open groups of H.264 have no keyframe that decoding can begin at, and are told as rare ones", {
  timeout: 60_000,
}, () => {
  const options = "-g 60 -sc_threshold 0 -bf 2 -b_strategy 0 -x264-params open-gop=1";
  expect(raisedIds(judge(options))).toContain("keyframes-rare");
});
