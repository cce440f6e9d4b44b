import { expect, test } from "vitest";
import { findOtherSound } from "./sound-codec.ts";

test("of levels with Opus and with AAC those with AAC are left out, the last first", () => {
  const [aac, opus] = [{ audioCodec: "mp4a.40.2" }, { audioCodec: "opus" }];
  expect(findOtherSound([aac, opus, aac, opus])).toEqual([2, 0]);
  expect(findOtherSound([{ audioCodec: "Opus" }, aac])).toEqual([1]);
});

test("levels with one codec, or without sound, all stay", () => {
  expect(findOtherSound([{ audioCodec: "mp4a.40.2" }, { audioCodec: "mp4a.40.2" }])).toEqual([]);
  expect(findOtherSound([{ audioCodec: undefined }])).toEqual([]);
  expect(findOtherSound([{ audioCodec: "opus" }, { audioCodec: "opus" }])).toEqual([]);
});
