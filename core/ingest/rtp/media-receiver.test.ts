import { expect, test } from "vitest";
import type { IngestEvent, IngestFrame } from "../media-event.ts";
import { RTP_LIMITS } from "./limits.ts";
import { RtpMediaReceiver } from "./media-receiver.ts";
import {
  makeTestPicture,
  packPicture,
  TEST_TRANSPORT_EXTENSION,
  TestRtpSource,
  writeTestRetransmission,
  writeTestRtp,
  writeTestSenderReport,
} from "./testing.ts";

const VIDEO = { payloadType: 102, rtxPayloadType: 103, canRepair: true } as const;
const AUDIO = { payloadType: 111, redPayloadType: 63, canRepair: false } as const;
const [VIDEO_SSRC, AUDIO_SSRC, RTX_SSRC, OWN_SSRC] = [11, 22, 33, 44];
const FRAME_MS = 1000 / 30;
/** A frame of Opus of 20 ms. */
const OPUS = Uint8Array.of(0xfc, 1, 2, 3);

const receiver = (): RtpMediaReceiver =>
  new RtpMediaReceiver({ video: VIDEO, audio: AUDIO, transportExtension: TEST_TRANSPORT_EXTENSION }, OWN_SSRC);
const frames = (events: readonly IngestEvent[], media: "video" | "audio"): IngestFrame[] =>
  events.flatMap((event) => (event.kind === "frame" && event.media === media ? [event] : []));

/** RTCP packets of a compound datagram by type and format. */
function kindsOf(rtcp: Uint8Array | null): string[] {
  const kinds: string[] = [];
  for (let at = 0; rtcp !== null && at < rtcp.byteLength; ) {
    kinds.push(`${rtcp[at + 1]}/${(rtcp[at] ?? 0) & 31}`);
    at += 4 * ((((rtcp[at + 2] ?? 0) << 8) | (rtcp[at + 3] ?? 0)) + 1);
  }
  return kinds;
}
const [PLI, NACK, FEEDBACK] = ["206/1", "205/1", "205/15"];

/** Sends pictures and sound; `isLost` says which packets of the picture do not arrive. */
class Sender {
  readonly receiver: RtpMediaReceiver = receiver();
  readonly events: IngestEvent[] = [];
  readonly sent: { readonly bytes: Uint8Array; readonly isLost: boolean }[] = [];
  readonly told: string[] = [];
  readonly #video: TestRtpSource;
  readonly #audio = new TestRtpSource(AUDIO.payloadType, AUDIO_SSRC, 500);
  readonly #firstTimestamp: number;
  picture = 0;
  nowMs = 1_000;

  constructor({ firstSequence = 65_500, firstTimestamp = 2 ** 32 - 90_000 } = {}) {
    this.#video = new TestRtpSource(VIDEO.payloadType, VIDEO_SSRC, firstSequence);
    this.#firstTimestamp = firstTimestamp;
  }

  sendPicture(isKeyframe: boolean, isLost: (index: number) => boolean = () => false): void {
    const timestamp = this.#firstTimestamp + Math.round(this.picture * FRAME_MS * 90);
    const packets = this.#video.write(packPicture(makeTestPicture(isKeyframe)), timestamp);
    for (const [i, bytes] of packets.entries()) {
      this.sent.push({ bytes, isLost: isLost(i) });
      if (!isLost(i)) this.events.push(...this.receiver.receiveRtp(bytes, this.nowMs));
    }
    this.picture += 1;
    this.advance(FRAME_MS);
  }

  sendSound(timestamp: number): void {
    for (const bytes of this.#audio.write([OPUS], timestamp))
      this.events.push(...this.receiver.receiveRtp(bytes, this.nowMs));
  }

  advance(ms: number): void {
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
      this.nowMs = Math.min(untilMs, this.nowMs + 10);
      const { events, rtcp } = this.receiver.tick(this.nowMs);
      this.events.push(...events);
      this.told.push(...kindsOf(rtcp));
    }
  }

  /** Repeats the lost packets. */
  repeat(): void {
    for (const { bytes } of this.sent.filter((each) => each.isLost)) {
      const view = new DataView(bytes.buffer);
      const again = writeTestRetransmission({
        ...{ payloadType: 103, ssrc: RTX_SSRC, original: view.getUint16(2), payload: bytes.subarray(20) },
        ...{ timestamp: view.getUint32(4), marker: view.getUint8(1) > 127 },
      });
      this.events.push(...this.receiver.receiveRtp(again, this.nowMs));
    }
  }
}

test("pictures and sound become frames, across the wraps of numbers and timestamps", () => {
  const sender = new Sender();
  for (let i = 0; i < 60; i += 1) {
    sender.sendPicture(i === 0);
    sender.sendSound(i * 1600);
  }
  const configs = sender.events.flatMap((event) => (event.kind === "config" ? [event.codec] : []));
  expect(configs.toSorted()).toEqual(["h264", "opus"]);
  const pictures = frames(sender.events, "video");
  expect(pictures).toHaveLength(60);
  expect(pictures[0]).toMatchObject({ sync: true, ctsOffset: 0 });
  const steps = pictures.slice(1).map(({ dts }, i) => dts - (pictures[i]?.dts ?? 0));
  expect(new Set(steps)).toEqual(new Set([3000]));
  expect(frames(sender.events, "audio").map(({ data }) => [...data])).toEqual(
    Array.from({ length: 60 }, () => [...OPUS]),
  );
});

test("a lost packet is asked for, and its retransmission completes the pictures without a keyframe", () => {
  const sender = new Sender();
  sender.sendPicture(true);
  sender.told.length = 0;
  sender.sendPicture(false, (i) => i === 1);
  sender.sendPicture(false);
  expect(sender.told).toContain(NACK);
  expect(frames(sender.events, "video")).toHaveLength(1);
  sender.repeat();
  expect(frames(sender.events, "video")).toHaveLength(3);
  expect(sender.told).not.toContain(PLI);
  expect(sender.receiver.statistics).toMatchObject({ missing: 1, repaired: 1, lost: 0 });
});

test("pictures after a packet that never comes are left out until the keyframe that is asked for", () => {
  const sender = new Sender();
  sender.sendPicture(true);
  sender.sendPicture(false, (i) => i === 0);
  sender.told.length = 0;
  sender.sendPicture(false);
  sender.advance(RTP_LIMITS.videoRepairMs);
  expect(sender.told).toContain(PLI);
  sender.sendPicture(false);
  expect(frames(sender.events, "video")).toHaveLength(1);
  sender.sendPicture(true);
  sender.sendPicture(false);
  expect(frames(sender.events, "video").map(({ sync }) => sync)).toEqual([true, true, false]);
  expect(sender.receiver.statistics.lost).toBe(1);
});

test("a keyframe is asked for while a packet is still missing, so that it is there when that one is given up", () => {
  const sender = new Sender();
  sender.sendPicture(true);
  sender.sendPicture(false, (i) => i === 0);
  sender.told.length = 0;
  sender.sendPicture(false);
  sender.advance(RTP_LIMITS.doubtMs);
  expect(sender.told.filter((kind) => kind === PLI)).toHaveLength(1);
  sender.sendPicture(true);
  expect(frames(sender.events, "video")).toHaveLength(1);
  sender.advance(RTP_LIMITS.videoRepairMs - RTP_LIMITS.doubtMs);
  expect(frames(sender.events, "video").map(({ sync }) => sync)).toEqual([true, true]);
});

test("keyframes are asked for every two seconds, and more often only while none comes", () => {
  const sender = new Sender();
  sender.sendPicture(true);
  sender.told.length = 0;
  sender.advance(1_900);
  expect(sender.told).not.toContain(PLI);
  sender.advance(1_000);
  expect(sender.told.filter((kind) => kind === PLI)).toHaveLength(3);
  sender.told.length = 0;
  sender.sendPicture(true);
  sender.advance(1_800);
  expect(sender.told).not.toContain(PLI);
});

test("transport-wide feedback tells arrivals, and a report is sent each second", () => {
  const sender = new Sender();
  for (let i = 0; i < 60; i += 1) sender.sendPicture(i === 0);
  expect(sender.told.filter((kind) => kind === FEEDBACK).length).toBeGreaterThan(25);
  expect(sender.told.filter((kind) => kind === "201/1")).toHaveLength(2);
});

test("sound and picture are put together by sender reports, in steps that keep the order", () => {
  const sender = new Sender({ firstSequence: 0, firstTimestamp: 0 });
  // The picture was taken 100 ms before the sound that arrives with it.
  const report = (): void => {
    sender.receiver.receiveRtcp(writeTestSenderReport(AUDIO_SSRC, 1_000.1, 0), sender.nowMs);
    sender.receiver.receiveRtcp(writeTestSenderReport(VIDEO_SSRC, 1_000, 0), sender.nowMs);
  };
  for (let i = 0; i < 90; i += 1) {
    if (i === 30) report();
    sender.sendSound(i * 1600);
    sender.sendPicture(i === 0);
  }
  const pictures = frames(sender.events, "video").map(({ dts }) => dts / 90_000);
  const sound = frames(sender.events, "audio").map(({ dts }) => dts / 48_000);
  expect((pictures[0] ?? 0) - (sound[0] ?? 0)).toBeCloseTo(0, 3);
  expect((pictures.at(-1) ?? 0) - (sound.at(-1) ?? 0)).toBeCloseTo(-0.1, 3);
  expect(pictures.every((dtsS, i) => i === 0 || dtsS > (pictures[i - 1] ?? 0))).toBe(true);
  const steps = sound.slice(1).map((dtsS, i) => dtsS - (sound[i] ?? 0));
  expect(Math.max(...steps) - Math.min(...steps)).toBeLessThan(1e-9);
});

test("a lost packet of sound is repaired by the next one, which repeats its frame", () => {
  const sender = new Sender();
  const send = (n: number): void => {
    // The frame before, 960 ticks earlier, of 4 bytes, and this one.
    const payload = Uint8Array.of(0x80 | 111, 960 >> 6, (960 & 63) << 2, 4, 111, 0xfc, n - 1, 0, 0, 0xfc, n, 0, 0);
    const fields = { payloadType: 63, ssrc: AUDIO_SSRC, sequence: 65_530 + n, timestamp: n * 960, payload };
    sender.events.push(...sender.receiver.receiveRtp(writeTestRtp(fields), sender.nowMs));
  };
  for (const n of [1, 2, 3, 5, 6, 8, 9]) send(n);
  expect(frames(sender.events, "audio").map(({ data }) => data[1])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(sender.receiver.statistics).toMatchObject({ missing: 0, lost: 0 });
  const broken = Uint8Array.of(0x80 | 111, 15, 0, 200, 111, 1, 2);
  const fields = { payloadType: 63, ssrc: AUDIO_SSRC, sequence: 4, timestamp: 0, payload: broken };
  expect(sender.receiver.receiveRtp(writeTestRtp(fields), sender.nowMs)).toEqual([]);
});

test("an offset in reports that arrival contradicts is not believed", () => {
  const sender = new Sender({ firstSequence: 0, firstTimestamp: 0 });
  for (let i = 0; i < 60; i += 1) {
    if (i === 10) {
      sender.receiver.receiveRtcp(writeTestSenderReport(AUDIO_SSRC, 2_000, 0), sender.nowMs);
      sender.receiver.receiveRtcp(writeTestSenderReport(VIDEO_SSRC, 1_000, 0), sender.nowMs);
    }
    sender.sendSound(i * 1600);
    sender.sendPicture(i === 0);
  }
  const [picture, sound] = [frames(sender.events, "video").at(-1), frames(sender.events, "audio").at(-1)];
  expect((picture?.dts ?? 0) / 90_000 - (sound?.dts ?? 0) / 48_000).toBeCloseTo(0, 3);
});

test("a sender that changes its picture's size announces it before the keyframe", () => {
  const sender = new Sender();
  sender.sendPicture(true);
  const source = new TestRtpSource(VIDEO.payloadType, VIDEO_SSRC + 1, 7);
  const [sps = OPUS, pps = OPUS, slice = OPUS] = makeTestPicture(true);
  const other = sps.slice();
  other[3] = 40;
  sender.events.length = 0;
  for (const bytes of source.write(packPicture([other, pps, slice]), 77_000))
    sender.events.push(...sender.receiver.receiveRtp(bytes, sender.nowMs));
  expect(sender.events.map(({ kind }) => kind)).toEqual(["config", "frame"]);
});

test("the answer to a reference time tells the round trip", () => {
  const sender = new Sender();
  sender.sendPicture(true);
  const { rtcp } = sender.receiver.tick(5_000);
  const bytes = rtcp ?? new Uint8Array(0);
  // The reference time is the last block of the datagram: its middle 32 bits.
  const view = new DataView(bytes.buffer, bytes.byteLength - 8);
  const answer = new DataView(new ArrayBuffer(24));
  answer.setUint32(0, 0x80cf_0005);
  answer.setUint32(8, 0x0500_0003);
  answer.setUint32(12, OWN_SSRC);
  answer.setUint32(16, ((view.getUint32(0) & 0xffff) << 16) | (view.getUint32(4) >>> 16));
  answer.setUint32(20, Math.round(0.01 * 65_536));
  sender.receiver.receiveRtcp(new Uint8Array(answer.buffer), 5_060);
  expect(sender.receiver.statistics.roundTripMs).toBeCloseTo(50, 0);
});

test("padding and probes are no media, and other payload types are left out", () => {
  const sender = new Sender();
  sender.sendPicture(true);
  sender.events.length = 0;
  const sequence = new DataView((sender.sent.at(-1)?.bytes ?? OPUS).buffer).getUint16(2);
  const common = { ssrc: VIDEO_SSRC, timestamp: 9, payloadType: 102 };
  const probes = [
    writeTestRtp({ ...common, sequence: sequence + 1, padding: 200 }),
    writeTestRetransmission({ ...common, payloadType: 103, ssrc: RTX_SSRC, original: 0 }),
    writeTestRtp({ ...common, payloadType: 99, payload: OPUS }),
    new Uint8Array(5),
    new Uint8Array(2_000).fill(128),
  ];
  for (const bytes of probes) sender.events.push(...sender.receiver.receiveRtp(bytes, sender.nowMs));
  expect(sender.events).toEqual([]);
  expect(sender.receiver.statistics.missing).toBe(0);
});
