import { expect, test } from "vitest";
import { NO_INGEST_ADDRESSES, parseIngestAddresses } from "../../core/api/ingest-addresses.ts";
import { parseStreamName } from "../../core/kit/ids.ts";
import { describeIngestSetup, type IngestSetup } from "./ingest-setup.ts";

const stream = parseStreamName("show");
if (stream === null) throw new Error("no stream");
const SECRET = "s".repeat(43);

const describeFor = (addresses: string, over: Partial<IngestSetup> = {}): string =>
  describeIngestSetup({
    ...{ stream, key: `corral_k100000000_${SECRET}`, edgeUrl: "http://127.0.0.1:8787" },
    addresses: parseIngestAddresses(addresses) ?? NO_INGEST_ADDRESSES,
    ...over,
  }).join("\n");

test("server, key, multitrack address, SRT address, studio and watch page are printed", () => {
  const text = describeFor("rtmp://127.0.0.1:1935 rtmps://127.0.0.1:1936 srt://127.0.0.1:8890");
  for (const part of [
    "rtmp://127.0.0.1:1935/live/show",
    "rtmps://127.0.0.1:1936/live/show",
    `Stream key  corral_k100000000_${SECRET}`,
    "--config-url http://127.0.0.1:8787/api/obs/show/GetClientConfiguration",
    '"url_template":"rtmp://127.0.0.1:1935/live/show/{stream_key}"',
    `srt://127.0.0.1:8890?streamid=show/k100000000&passphrase=${SECRET}&pbkeylen=16`,
    "http://127.0.0.1:8787/studio/show",
    "http://127.0.0.1:8787/watch/show",
    "--host 0.0.0.0 lets phones",
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain("moblin://");
});

test("a listener that phones reach gets links and a QR code", () => {
  const text = describeFor("rtmp://127.0.0.1:1935 srt://192.0.2.7:8890");
  expect(text).toContain("moblin://?%7B%22streams%22");
  expect(text).toContain("larix://set/v1?conn[][url]=srt%3A%2F%2F192.0.2.7%3A8890");
  expect(text.split("\n").filter((line) => /[▀▄█]{2}/.test(line)).length).toBeGreaterThan(20);
});

test("without a known key its places are named", () => {
  const text = describeFor("rtmp://127.0.0.1:1935 srt://192.0.2.7:8890", { key: null });
  expect(text).toContain("a key of show");
  expect(text).toContain("streamid=show/KEY-ID&passphrase=PASSPHRASE");
  expect(text).not.toContain("moblin://");
});
