import { expect, test } from "vitest";
import { inputArgs } from "./input.ts";

const nameOf = (url: string): string | undefined => inputArgs({ kind: "file", url, loop: false }).at(-1);

test("a path stays a path, whatever characters it contains", () => {
  for (const path of ["talk: part 1.mp4", "100% live.mp4", "-i.mp4", 'it\'s "it".mkv', "a b.mp4", "http:x.mp4"])
    expect(nameOf(path)).toBe(`file:${path}`);
});

test("URLs and device names are unchanged", () => {
  expect(nameOf("https://example.com/a%20b.mp4")).toBe("https://example.com/a%20b.mp4");
  expect(inputArgs({ kind: "live", url: ":0.0", listen: false, format: "x11grab" }).at(-1)).toBe(":0.0");
  expect(inputArgs({ kind: "file", url: "testsrc2[out0]", loop: false, format: "lavfi" }).at(-1)).toBe(
    "testsrc2[out0]",
  );
});

test("live sources are read at their own speed, and the probed media is not lost", () => {
  const live = inputArgs({ kind: "live", url: "rtmp://host/app/key", listen: false });
  expect(live).toContain("-rw_timeout");
  expect(live).not.toContain("-re");
  expect(live.join(" ")).not.toContain("nobuffer");
});

test("each protocol has its arguments for listening", () => {
  expect(inputArgs({ kind: "live", url: "rtmp://0.0.0.0/live/key", listen: true })).toContain("-listen");
  expect(inputArgs({ kind: "live", url: "srt://0.0.0.0:9000?latency=200", listen: true }).at(-1)).toBe(
    "srt://0.0.0.0:9000?latency=200&mode=listener",
  );
});
