import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMediaPath, parseTrackFile } from "../../core/media/hls/media-path.ts";
import { partPath, segmentPath } from "../../core/media/hls/paths.ts";
import { parseByteRange } from "../kit/byte-range.ts";

test("every address in a playlist is parsed back, and each object has one address", () => {
  fc.assert(
    fc.property(fc.nat(999_999_999), fc.nat(999), (msn, part) => {
      expect(parseTrackFile(segmentPath(msn))).toEqual({ kind: "segment", msn });
      expect(parseTrackFile(partPath(msn, part))).toEqual({ kind: "part", msn, part });
    }),
  );
  for (const name of [
    "01.m4s",
    "1.01.m4s",
    "1.m4s?",
    "-1.m4s",
    "1e3.m4s",
    "init-.mp4",
    "../1.m4s",
    "1234567890.m4s",
    "",
  ]) {
    expect(parseTrackFile(name), name).toBeNull();
  }
  expect(parseMediaPath("UPPER000", "video", "1.m4s")).toBeNull();
  expect(parseMediaPath("broadcast", "vi deo", "1.m4s")).toBeNull();
});

test("a byte range is satisfiable, unsatisfiable, or no range at all", () => {
  expect(parseByteRange("bytes=0-9", 100)).toEqual({ first: 0, last: 9 });
  expect(parseByteRange("bytes=90-", 100)).toEqual({ first: 90, last: 99 });
  expect(parseByteRange("bytes=-5", 100)).toEqual({ first: 95, last: 99 });
  expect(parseByteRange("bytes=100-", 100)).toBe("unsatisfiable");
  for (const header of [null, "bytes=-", "bytes=1-2,4-5", "bytes=5-2", "lines=1-2", "bytes=a-b"]) {
    expect(parseByteRange(header, 100)).toBeNull();
  }
  fc.assert(
    fc.property(fc.string(), fc.nat(1000), (header, length) => {
      const range = parseByteRange(header, length);
      return typeof range !== "object" || range === null || (range.first <= range.last && range.last < length);
    }),
  );
});
