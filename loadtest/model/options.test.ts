import { expect, test } from "vitest";
import { type ModelArgs, parseModelOptions } from "./options.ts";

const ARGS: ModelArgs = {
  viewers: "1000000",
  curve: "step",
  over: "60",
  seconds: "120",
  colos: "330",
  "viewers-per-isolate": "500",
  preset: "half",
  tracks: "muxed",
  dvr: "0",
  link: "1000",
  seed: "1",
};

test("command-line arguments are parsed into a run", () => {
  const options = parseModelOptions({ ...ARGS, isolates: "200", dvr: "20", preset: "ultra", tracks: "separate" });
  expect(options).toMatchObject({ viewers: 1_000_000, isolates: { kind: "fixed", count: 200 }, dvrShare: 0.2 });
  expect(options.settings).toMatchObject({ partMs: 200, segmentMs: 2_000 });
  expect(options.colos).toHaveLength(330);
});

test.each([
  [{ viewers: "0" }, "--viewers is a whole number from 1"],
  [{ viewers: "many" }, "not many"],
  [{ curve: "flat" }, "--curve is unknown: flat"],
  [{ seconds: "5" }, "--seconds is a whole number from 60"],
  [{ preset: "best" }, "--preset is half"],
  [{ tracks: "three" }, "--tracks is muxed or separate"],
  [{ dvr: "101" }, "--dvr"],
  [{ isolates: "" }, "not nothing"],
])("invalid arguments are refused with the reason: %j", (wrong, reason) => {
  expect(() => parseModelOptions({ ...ARGS, ...wrong })).toThrow(reason);
});
