import { expect, test } from "vitest";
import { findOutboundPicture, readWhipStatus } from "./whip-status.ts";

const entry = (timestamp: number, bytesSent: number, framesEncoded: number, qualityLimitationReason = "none") => ({
  ...{ type: "outbound-rtp", kind: "video", frameWidth: 360, frameHeight: 640 },
  ...{ timestamp, bytesSent, framesEncoded, qualityLimitationReason },
});

test("rate, pictures and size are those between two reports", () => {
  expect(readWhipStatus(entry(1_000, 10_000, 30), entry(3_000, 260_000, 90), false)).toMatchObject({
    ...{ bitsPerSecond: 1_000_000, framesPerSecond: 30, renditions: ["360p"], isOverloaded: false, isPaused: false },
  });
  const limited = readWhipStatus(entry(1_000, 9, 30), entry(2_000, 5, 30, "cpu"), true);
  expect(limited).toMatchObject({ bitsPerSecond: 0, framesPerSecond: 0, isOverloaded: true, isPaused: true });
});

test("reports of one moment, and entries without a size, tell what they can", () => {
  expect(readWhipStatus(entry(1_000, 1, 1), entry(1_000, 2, 2), false)).toBeNull();
  expect(readWhipStatus({ timestamp: 1_000 }, { timestamp: 2_000 }, false)).toMatchObject({
    ...{ bitsPerSecond: 0, renditions: [] },
  });
});

test("the picture's entry is found among others", () => {
  const sound = { ...entry(1, 1, 1), kind: "audio" };
  expect(findOutboundPicture([{ type: "codec" }, sound, entry(5, 1, 1)])?.timestamp).toBe(5);
  expect(findOutboundPicture([sound])).toBeNull();
});
