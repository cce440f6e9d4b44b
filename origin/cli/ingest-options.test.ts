import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseIngestOptions, renderIngestHelp } from "./ingest-options.ts";

const parse = (...words: string[]): ReturnType<typeof parseIngestOptions> => parseIngestOptions(words, {});

const FILE = fileURLToPath(import.meta.url);

test("the defaults are loopback, RTMP on 1935, SRT on 8890, and a local edge", () => {
  expect(parse()).toMatchObject({
    ...{ stream: "demo", host: "127.0.0.1", rtmpHost: "127.0.0.1", rtmpPort: 1935, srtPort: 8890, rtmps: null },
    ...{ reconnectMs: 60_000, port: 8787, edge: null, windowS: 60 },
    preset: { name: "balanced" },
  });
});

test("a slate is a picture, the plain one, or off; renditions beside passthrough are on unless they are off", () => {
  expect(parse()).toMatchObject({ slate: null, hasRenditions: true, hasAac: true });
  expect(parse("--slate", "off", "--renditions", "off")).toMatchObject({ slate: "off", hasRenditions: false });
  expect(parse("--audio-aac", "off").hasAac).toBe(false);
  expect(() => parse("--audio-aac", "yes")).toThrow("--audio-aac is auto or off");
  expect(parse("--slate", FILE).slate).toBe(FILE);
  expect(() => parse("--slate", "/no/such.png")).toThrow(/--slate is a picture file or off/);
  expect(() => parse("--renditions", "480p")).toThrow("--renditions is auto or off");
});

test("plain RTMP stays on loopback unless it is allowed beyond", () => {
  expect(parse("--host", "0.0.0.0")).toMatchObject({ host: "0.0.0.0", rtmpHost: "127.0.0.1" });
  expect(parse("--host", "0.0.0.0", "--allow-rtmp").rtmpHost).toBe("0.0.0.0");
  expect(parse("--host", "::1").rtmpHost).toBe("::1");
});

test("RTMPS is on 1936 with a certificate of the node's own unless another one is given", () => {
  expect(parse("--rtmps").rtmps).toEqual({ port: 1936, tls: null });
  expect(parse("--rtmps-port", "443").rtmps).toEqual({ port: 443, tls: null });
});

test("a primary takes over again after 10 s unless it should not", () => {
  expect(parse().returnMs).toBe(10_000);
  expect(parse("--primary-return", "30").returnMs).toBe(30_000);
  expect(parse("--primary-return", "never").returnMs).toBeNull();
});

test("a remote edge needs no key, since senders bring theirs, and takes an ingest token", () => {
  expect(parse("--edge", "https://live.example/").edge).toEqual({ url: "https://live.example", token: null });
  const token = { CORRAL_INGEST_TOKEN: "from-env" };
  expect(parseIngestOptions(["--edge", "https://live.example"], token).edge?.token).toBe("from-env");
  expect(parse("--edge", "https://live.example", "--ingest-token", "t").edge?.token).toBe("t");
});

test("senders that are not fit are transcoded with the default ladder, as many at once as the cores allow", () => {
  const { transcode } = parseIngestOptions([], {}, 8);
  expect(transcode).toMatchObject({ mode: "auto", limit: 5, ladder: { video: [{ name: "720p" }, {}, {}] } });
  expect(parseIngestOptions([], {}, 1).transcode.limit).toBe(1);
  const words = ["--transcode", "always", "--ladder", "480p:1M", "--ladder", "240p:300k", "--max-transcodes", "3"];
  const given = parseIngestOptions(words, {}, 8).transcode;
  expect(given).toMatchObject({ mode: "always", limit: 3, ladder: { video: [{ name: "480p" }, { name: "240p" }] } });
});

test("a node of a cluster has a name, an ingest token, a time to drain and a status port", () => {
  expect(parse()).toMatchObject({ dispatch: null, drainMs: 0, statusPort: null });
  const words = ["--edge", "https://live.example", "--dispatch", "https://live.example", "--node", "ams-1"];
  const more = ["--drain-timeout", "900", "--status-port", "9100"];
  expect(parseIngestOptions([...words, ...more], { CORRAL_INGEST_TOKEN: "t" })).toMatchObject({
    dispatch: { url: "https://live.example", token: "t", node: "ams-1" },
    ...{ drainMs: 900_000, statusPort: 9_100 },
  });
});

test.each([
  [["--node", "a"], /--node requires --dispatch/],
  [["--dispatch", "https://e.example", "--node", "a b"], /"a b" is not a node's name/],
  [["--dispatch", "https://e.example", "--edge", "https://e.example"], /--dispatch needs the edge's ingest token/],
  [["--encoder", "cuda"], /--encoder is auto, x264/],
  [["--transcode", "sometimes"], /--transcode is auto, never, always, not "sometimes"/],
  [["--max-transcodes", "0"], /--max-transcodes must be a whole number from 1 to 256/],
  [["--ladder", "tall"], /is not a rendition/],
  [["--host", "localhost"], /--host is an IP address/],
  [["--reconnect", "3600"], /--reconnect must be from 0 to 1800/],
  [["--rtmp-port", "70000"], /--rtmp-port must be a whole number from 0 to 65535/],
  [["--rtmps-port", "1936", "--tls-key", "a.pem"], /--tls-cert and --tls-key belong together/],
  [["--tls-cert", "a.pem"], /need --rtmps or --rtmps-port/],
  [["--primary-return", "1"], /--primary-return must be from 2 to 3600/],
  [["--rtmps-port", "1936", "--tls-cert", "/none/a.pem", "--tls-key", "b.pem"], /--tls-cert cannot be read/],
  [["--rtmps-port", "1936", "--tls-cert", FILE, "--tls-key", FILE], /--tls-cert and --tls-key are not a certificate/],
  [["--ingest-token", "t"], /requires --edge/],
  [["--preset", "fast"], /is not a preset/],
  [["--stream", "No Stream"], /is not a stream name/],
  [["--edge", "ftp://x"], /is not an http\(s\) URL/],
  [["--loop"], /There is no option --loop/],
  [["input.mp4"], /Unexpected argument/],
])("%j is refused with one sentence", (words, sentence) => {
  expect(() => parse(...words)).toThrow(sentence);
});

test("the help text names every listener and the presets", () => {
  const help = renderIngestHelp();
  for (const word of [
    "--rtmp-port",
    "--rtmps",
    "--rtmps-port",
    "--primary-return",
    "--srt-port",
    "--allow-rtmp",
    "--reconnect",
    "--transcode",
    "balanced",
  ])
    expect(help).toContain(word);
});
