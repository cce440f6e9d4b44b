import { expect, test } from "vitest";
import { boxBody, encodeTrack } from "../../../origin/testing/encoded-track.ts";
import { describeTrack } from "../codecs/describe-track.ts";
import type { VideoTrackDescription } from "../codecs/track-description.ts";
import type { IngestFrame } from "../media-event.ts";
import { GopInspector, type PassthroughDecision } from "./gop-inspector.ts";

const X264 = "-f lavfi -i testsrc2=size=96x64:rate=30 -t 9 -c:v libx264 -preset veryfast -sc_threshold 0";
const X265 = "-f lavfi -i testsrc2=size=96x64:rate=30 -t 5 -c:v libx265 -preset ultrafast -tag:v hvc1";

/** The decision, and the decode time at which it was made, seconds. */
function inspect(codec: "h264" | "hevc", options: string): { decision: PassthroughDecision; atS: number } {
  const { init, frames, info } = encodeTrack(options);
  const record = boxBody(init, codec === "h264" ? "avcC" : "hvcC");
  const inspector = new GopInspector(describeTrack({ codec, record }) as VideoTrackDescription, info.timescale);
  for (const { dts, ctsOffset, sync, data } of frames) {
    const frame: IngestFrame = { kind: "frame", track: 0, media: "video", dts, ctsOffset, sync, data };
    const decision = inspector.push(frame);
    if (decision.kind !== "undecided") return { decision, atS: (dts - (frames[0]?.dts ?? 0)) / info.timescale };
  }
  return { decision: inspector.decision, atS: Number.POSITIVE_INFINITY };
}

test("two closed groups of 2 s are passed through, with and without B-frames", () => {
  const plain = inspect("h264", `${X264} -g 60 -bf 0`);
  expect(plain.decision).toEqual({ kind: "passthrough", keyframeS: 2, hasReordering: false });
  expect(plain.atS).toBeCloseTo(4, 3);
  const reordered = inspect("h264", `${X264} -g 60 -bf 2`);
  expect(reordered.decision).toMatchObject({ kind: "passthrough", hasReordering: true });
});

test("groups of 4 s are passed through; OBS's default of 8.3 s is not, and is told after 4 s", () => {
  expect(inspect("h264", `${X264} -g 120 -bf 0`).decision).toMatchObject({ kind: "passthrough", keyframeS: 4 });
  const { decision, atS } = inspect("h264", `${X264} -g 250`);
  expect(decision).toMatchObject({ kind: "transcode", reason: "keyframe-interval" });
  expect(decision.kind === "transcode" && decision.sentence).toMatch(
    /^No keyframe has come for 4 s; set the keyframe interval to 2 s/,
  );
  expect(atS).toBeLessThan(4.2);
});

test("a keyframe that comes late is told with its distance", () => {
  const record = boxBody(encodeTrack(`${X264} -g 60`).init, "avcC");
  const inspector = new GopInspector(describeTrack({ codec: "h264", record }) as VideoTrackDescription, 1000);
  const key = { kind: "frame", track: 0, media: "video", ctsOffset: 0, sync: true, data: new Uint8Array(8) } as const;
  inspector.push({ ...key, dts: 0 });
  expect(inspector.push({ ...key, dts: 8_333 })).toMatchObject({
    sentence: "A keyframe comes every 8.3 s; set the keyframe interval to 2 s in the encoder's output settings.",
  });
});

test("open groups of H.264 and HEVC are told; HEVC's decodable leading pictures are passed through", () => {
  const open = inspect("h264", `${X264} -g 60 -bf 2 -x264-params open-gop=1`);
  expect(open.decision).toMatchObject({ kind: "transcode", reason: "open-gop" });
  const quiet = "log-level=none:keyint=45:min-keyint=45:scenecut=0:bframes=2";
  expect(inspect("hevc", `${X265} -x265-params ${quiet}:open-gop=1`).decision).toMatchObject({ reason: "open-gop" });
  expect(inspect("hevc", `${X265} -x265-params ${quiet}:open-gop=0`).decision).toMatchObject({ kind: "passthrough" });
});

test("a picture that browsers do not play is told at once", () => {
  const { decision, atS } = inspect("h264", `${X264} -g 60 -pix_fmt yuv444p`);
  expect(decision).toMatchObject({ kind: "transcode", reason: "pixel-format" });
  expect(atS).toBe(0);
});
