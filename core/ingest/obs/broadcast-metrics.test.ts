import fc from "fast-check";
import { expect, test } from "vitest";
import type { IngestVideoCodec } from "../media-event.ts";
import { readBroadcastMetrics } from "./broadcast-metrics.ts";
import { av1UnitWithMessages, metricsMessages, pictureWithMessages, type WrittenMetrics } from "./testing.ts";

const AT_MS = 1_760_000_000_000;
const WRITTEN: WrittenMetrics = {
  times: [AT_MS, AT_MS + 20, AT_MS + 21, AT_MS + 140],
  session: [60, 2, 0, 65_536],
  rendition: [60, 0, 59],
};
const EXPECTED = {
  times: { composedMs: AT_MS, encodeRequestMs: AT_MS + 20, encodedMs: AT_MS + 21, queuedMs: AT_MS + 140 },
  session: { rendered: 60, lagged: 2, dropped: 0, output: 65_536 },
  rendition: { input: 60, skipped: 0, encoded: 59 },
};

function picture(codec: IngestVideoCodec, messages: readonly Uint8Array[]): Uint8Array {
  return codec === "av1" ? av1UnitWithMessages(messages) : pictureWithMessages(codec, messages);
}

test.each(["h264", "hevc", "av1"] as const)("the metrics of a keyframe of %s are read", (codec) => {
  expect(readBroadcastMetrics(codec, picture(codec, metricsMessages(WRITTEN)))).toEqual(EXPECTED);
});

test("a picture without messages, or with those of others, has no metrics", () => {
  for (const codec of ["h264", "hevc", "av1"] as const) {
    expect(readBroadcastMetrics(codec, picture(codec, []))).toBeNull();
    expect(readBroadcastMetrics(codec, picture(codec, [new Uint8Array(40).fill(9)]))).toBeNull();
    expect(readBroadcastMetrics(codec, new Uint8Array())).toBeNull();
  }
});

test("what is cut off is left out, and the rest is kept", () => {
  const [times = new Uint8Array(), session = new Uint8Array(), rendition = new Uint8Array()] = metricsMessages(WRITTEN);
  const cut = [times, session.subarray(0, session.length - 1), rendition];
  expect(readBroadcastMetrics("h264", pictureWithMessages("h264", cut))).toEqual({ ...EXPECTED, session: null });
  expect(readBroadcastMetrics("h264", pictureWithMessages("h264", [times.subarray(0, 30)]))).toBeNull();
});

test("times in milliseconds are read, unknown tags are skipped, and an unreadable time is null", () => {
  const epoch = new Uint8Array(8);
  new DataView(epoch.buffer).setBigUint64(0, BigInt(AT_MS));
  const [times = new Uint8Array()] = metricsMessages(WRITTEN);
  const message = Uint8Array.of(...times.subarray(0, 16), 0xf2, 2, 1, ...epoch, 3, 9, ...epoch, 1, 2, 0x78, 0);
  expect(readBroadcastMetrics("h264", pictureWithMessages("h264", [message]))).toEqual({
    times: { composedMs: AT_MS, encodeRequestMs: null, encodedMs: null, queuedMs: null },
    session: null,
    rendition: null,
  });
});

const INPUTS = Number(process.env["CORRAL_FUZZ_INPUTS"] ?? 3_000);

test("broken pictures throw nothing, and tell finite figures at most", { timeout: 600_000 }, () => {
  const codecs = fc.constantFrom<IngestVideoCodec>("h264", "hevc", "av1");
  const change = fc.record({ at: fc.nat(2_000), byte: fc.nat(255) });
  const broken = fc.record({ codec: codecs, changes: fc.array(change, { maxLength: 12 }), cut: fc.nat(800) });
  const whole = new Map(codecsOf().map((codec) => [codec, picture(codec, metricsMessages(WRITTEN))]));
  fc.assert(
    fc.property(broken, fc.uint8Array({ maxLength: 300 }), fc.boolean(), ({ codec, changes, cut }, noise, isNoise) => {
      const bytes = isNoise ? noise : Uint8Array.from(whole.get(codec) ?? []);
      for (const { at, byte } of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      const metrics = readBroadcastMetrics(codec, bytes.subarray(0, Math.max(0, bytes.length - cut)));
      for (const group of Object.values(metrics ?? {})) {
        for (const value of Object.values(group ?? {})) expect(value === null || Number.isFinite(value)).toBe(true);
      }
    }),
    { numRuns: INPUTS },
  );
});

function codecsOf(): IngestVideoCodec[] {
  return ["h264", "hevc", "av1"];
}
