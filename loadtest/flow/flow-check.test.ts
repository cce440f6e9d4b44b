import { expect, test } from "vitest";
import { fragmentAt, type MediaShape, partAt } from "../publisher.ts";
import { FlowCheck } from "./flow-check.ts";

const SHAPE: MediaShape = {
  partMs: 100,
  partsPerSegment: 4,
  tracks: { video: 3_000, audio: 600 },
  isFmp4: true,
};

/** What a check reports of these bytes, which come in pieces of `size`. */
function checkBytes(bytes: Buffer, size: number): { came: string[]; wrong: number } {
  const seen = { came: [] as string[], wrong: 0 };
  const check = new FlowCheck(SHAPE.partsPerSegment, {
    textOf: ({ track, index }) => partAt(track, index, SHAPE),
    partCame: ({ track, index }, skipped) => seen.came.push(`${track} ${index} ${skipped}`),
    wrongBytes: (count) => {
      seen.wrong += count;
    },
  });
  for (let at = 0; at < bytes.length; at += size) check.take(bytes.subarray(at, at + size));
  return seen;
}

const MEDIA = Buffer.concat([
  fragmentAt("video", 6, SHAPE),
  fragmentAt("audio", 6, SHAPE),
  fragmentAt("video", 7, SHAPE),
  fragmentAt("video", 10, SHAPE),
  fragmentAt("audio", 6, SHAPE),
]);

test.each([1, 7, 100, 1_000, 1e6])(
  "parts are named with what was left out before them, in pieces of %i bytes",
  (size) => {
    expect(checkBytes(MEDIA, size)).toEqual({
      came: ["video 6 -1", "audio 6 -1", "video 7 0", "video 10 2", "audio 6 -1"],
      wrong: 0,
    });
  },
);

test.each([200, 1_500, 3_300])("a byte that differs is counted, at %i", (at) => {
  const bytes = Buffer.from(MEDIA);
  bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at);
  expect(checkBytes(bytes, 500).wrong).toBeGreaterThan(0);
});
