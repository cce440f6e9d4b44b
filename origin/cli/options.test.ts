import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UsageError } from "../kit/errors.ts";
import { parseBroadcastOptions, parseLadderFile, renderHelp } from "./options.ts";

const HERE = import.meta.filename;

test("without arguments the demo is broadcast as `demo` on port 8787 with the balanced preset", () => {
  expect(parseBroadcastOptions([], {})).toMatchObject({
    input: { kind: "demo", film: expect.stringMatching(/demo-film$/), width: 1280, height: 720 },
    stream: "demo",
    port: 8787,
    windowS: 60,
    edge: null,
    preset: { name: "balanced", partMs: 333, segmentMs: 2000 },
  });
});

test("the demo is upright, or a test card, if that is wanted; an input is neither", () => {
  expect(parseBroadcastOptions(["--portrait"], {}).input).toMatchObject({ width: 720, height: 1280 });
  expect(parseBroadcastOptions(["--test-card"], {}).input).toMatchObject({ kind: "demo", film: null });
  for (const option of ["--portrait", "--test-card"])
    expect(() => parseBroadcastOptions([HERE, option], {})).toThrow(/are for the demo/);
});

test("paths are files, addresses are live sources, and lavfi graphs are read in real time", () => {
  expect(parseBroadcastOptions([HERE, "--loop"], {}).input).toEqual({ kind: "file", url: HERE, loop: true });
  expect(parseBroadcastOptions(["rtmp://host/app/key"], {}).input).toMatchObject({ kind: "live", listen: false });
  expect(parseBroadcastOptions(["srt://0.0.0.0:9000", "--listen"], {}).input).toMatchObject({
    kind: "live",
    listen: true,
  });
  expect(parseBroadcastOptions(["testsrc2", "--format", "lavfi"], {}).input).toMatchObject({
    kind: "file",
    format: "lavfi",
  });
});

test("part and segment durations override the preset", () => {
  expect(parseBroadcastOptions(["--preset", "ultra", "--part", "0.25", "--segment", "3"], {}).preset).toMatchObject({
    name: "ultra",
    partMs: 250,
    segmentMs: 3000,
  });
});

test("audio is a track of its own unless it is muxed", () => {
  expect(parseBroadcastOptions([], {}).muxed).toBe(false);
  expect(parseBroadcastOptions(["--muxed"], {}).muxed).toBe(true);
});

test("the playback policy is unchanged unless an option sets it", () => {
  expect(parseBroadcastOptions([], {}).playback).toBeNull();
  expect(parseBroadcastOptions(["--playback", "followers"], {}).playback).toBe("followers");
  expect(() => parseBroadcastOptions(["--playback", "friends"], {})).toThrow(/public, token, followers/);
});

test("ladder flags may be repeated", () => {
  const { ladder } = parseBroadcastOptions(["--ladder", "720p:2M", "--ladder=360p:500k"], {});
  expect(ladder.video.map(({ name }) => name)).toEqual(["720p", "360p"]);
});

test("a JSON ladder file parses like the flags, and its errors name the place", () => {
  const json = {
    video: [
      { height: 720, bitrate: "2500k" },
      { height: 360, bitrate: 500_000, codec: "av1" },
    ],
    audio: { bitrate: "96k" },
  };
  expect(parseLadderFile(json, "l.json")).toMatchObject({
    video: [{ name: "720p" }, { name: "360p-av1" }],
    audioBitsPerSecond: 96_000,
  });
  expect(() => parseLadderFile({ video: [{ height: "tall" }] }, "l.json")).toThrow(
    /l\.json is invalid at video\.0\.height/,
  );
});

test("a file is found under any name, and by a file: URL", () => {
  const folder = mkdtempSync(join(tmpdir(), "corral-options-"));
  const before = process.cwd();
  try {
    process.chdir(folder);
    for (const name of ["talk: part 1.mp4", "100%.mp4", "-x.mp4", "a b.mp4"]) {
      writeFileSync(name, "");
      const { input } = parseBroadcastOptions([name], {});
      expect(input).toMatchObject({ kind: "file", url: name.startsWith("-") ? `./${name}` : name });
    }
    for (const address of [`file://${folder}/a%20b.mp4`, `file:${folder}/a b.mp4`, "file:a b.mp4"])
      expect(parseBroadcastOptions([address], {}).input).toMatchObject({ url: expect.stringMatching(/a b\.mp4$/) });
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
});

test("segments of half a second have parts of a quarter second, unless another duration is given", () => {
  expect(parseBroadcastOptions(["--segment", "0.5"], {}).preset).toMatchObject({ segmentMs: 500, partMs: 250 });
  expect(parseBroadcastOptions(["--segment", "0.5", "--part", "0.1"], {}).preset).toMatchObject({ partMs: 100 });
});

test("a remote edge's stream key comes from the flag or the environment", () => {
  expect(parseBroadcastOptions(["--edge", "https://live.example/", "--key", "k"], {}).edge).toEqual({
    url: "https://live.example",
    key: "k",
  });
  expect(parseBroadcastOptions(["--edge", "https://live.example"], { CORRAL_KEY: "e" }).edge?.key).toBe("e");
});

test.each([
  [["--nope"], /no option --nope/],
  [["--port", "0"], /--port must be/],
  [["--port", "http"], /--port must be/],
  [["--port"], /--port needs a value/],
  [["--stream", "Über mir"], /not a stream name/],
  [["--preset", "fast"], /not a preset/],
  [["--part", "0.01"], /--part must be/],
  [["--part", "2", "--segment", "2"], /too long for segments/],
  [["--dvr", "-1"], /--dvr/],
  [["nowhere.mp4"], /no file or device nowhere\.mp4/],
  [["."], /is a directory/],
  [["-"], /Standard input/],
  [["--loop"], /need an input/],
  [["rtmp://host/app/key", "--loop"], /repeats files/],
  [["http://host/a.ts", "--listen"], /--listen needs/],
  [["a.mp4", "b.mp4"], /Only one input/],
  [["--edge", "https://live.example"], /needs the stream key/],
  [["--edge", "nonsense", "--key", "k"], /not an http\(s\) URL/],
  [["--key", "k"], /--key requires --edge/],
  [["--ladder", "missing.json"], /cannot be read/],
  [["--log", "xml"], /text or json/],
] as const)("%j is refused with one sentence", (words, sentence) => {
  const parse = (): unknown => parseBroadcastOptions(words, {});
  expect(parse).toThrow(UsageError);
  expect(parse).toThrow(sentence);
});

test("the help text lists every option and the presets' notes", () => {
  const help = renderHelp();
  for (const word of ["--ladder", "--muxed", "--dvr", "--edge", "--listen", "balanced", "ultra", "scale"])
    expect(help).toContain(word);
});

test.each([
  [[], "127.0.0.1"],
  [["--host"], "0.0.0.0"],
  [["--host", "--muxed"], "0.0.0.0"],
  [["--host", HERE], "0.0.0.0"],
  [["--host", "192.0.2.7", HERE], "192.0.2.7"],
  [["--host=192.0.2.7"], "192.0.2.7"],
] as const)("%j listens on %s", (words, host) => {
  expect(parseBroadcastOptions(words, {}).host).toBe(host);
});

test("a host that is no address of the machine, or of another edge, is refused", () => {
  expect(() => parseBroadcastOptions(["--host=example.com"], {})).toThrow(/--host is an IPv4 address/);
  expect(() => parseBroadcastOptions(["--host", "--edge", "https://a.example", "--key", "k"], {})).toThrow(
    /--host is of a local edge/,
  );
});
