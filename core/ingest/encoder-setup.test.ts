import { expect, test } from "vitest";
import { NO_INGEST_ADDRESSES, parseIngestAddresses } from "../api/ingest-addresses.ts";
import { parseStreamName } from "../kit/ids.ts";
import { describeEncoderSetup } from "./encoder-setup.ts";
import { parsePublishTarget } from "./rtmp/publish-target.ts";
import { parseStreamId } from "./srt/stream-id.ts";

const stream = parseStreamName("my-show");
if (stream === null) throw new Error("no stream");
const SECRET = "s".repeat(21) + "_-".repeat(11);
const KEY = `corral_k100000000_${SECRET}`;
const addresses = parseIngestAddresses("rtmp://192.0.2.7:1935 srt://192.0.2.7:8890") ?? NO_INGEST_ADDRESSES;

test("the server and the key are what the RTMP listener takes", () => {
  const { server, key } = describeEncoderSetup(addresses, stream, KEY);
  expect(server).toBe("rtmp://192.0.2.7:1935/live/my-show");
  expect(parsePublishTarget(new URL(server ?? "").pathname.slice(1), key)).toEqual({ stream, key: KEY });
  const both = parseIngestAddresses("rtmp://a:1935 rtmps://b:1936") ?? NO_INGEST_ADDRESSES;
  expect(describeEncoderSetup(both, stream, KEY).server).toBe("rtmps://b:1936/live/my-show");
});

test("the SRT address carries the id in clear and the secret as passphrase", () => {
  const url = new URL(describeEncoderSetup(addresses, stream, KEY).srtUrl ?? "");
  expect(url.host).toBe("192.0.2.7:8890");
  expect(parseStreamId(url.searchParams.get("streamid") ?? "")).toEqual({ ok: true, stream, keyId: "k100000000" });
  expect(url.searchParams.get("passphrase")).toBe(SECRET);
  expect(url.searchParams.get("pbkeylen")).toBe("16");
});

test("Moblin's link is JSON of its settings, Larix's is a Grove link", () => {
  const { moblinLink, larixLink, srtUrl } = describeEncoderSetup(addresses, stream, KEY);
  expect(moblinLink?.startsWith("moblin://?%7B")).toBe(true);
  expect(JSON.parse(decodeURIComponent((moblinLink ?? "").slice("moblin://?".length)))).toEqual({
    streams: [
      {
        ...{ name: "Corral my-show", url: srtUrl, selected: true },
        video: { codec: "H.264/AVC", bFrames: false, maxKeyFrameInterval: 2 },
        srt: { latency: 500, adaptiveBitrateEnabled: true },
      },
    ],
  });
  const larix = new URL(larixLink ?? "");
  expect(`${larix.protocol}//${larix.host}${larix.pathname}`).toBe("larix://set/v1");
  expect(Object.fromEntries(larix.searchParams)).toEqual({
    "conn[][url]": "srt://192.0.2.7:8890",
    "conn[][name]": "Corral my-show",
    "conn[][srtstreamid]": "my-show/k100000000",
    "conn[][srtpass]": SECRET,
    "conn[][srtpbkl]": "16",
    "conn[][srtlatency]": "500",
    "conn[][overwrite]": "on",
  });
});

test("a protocol without a listener, and a key without an id, have no settings", () => {
  const none = { srtUrl: null, moblinLink: null, larixLink: null };
  expect(describeEncoderSetup(NO_INGEST_ADDRESSES, stream, KEY)).toEqual({ server: null, key: KEY, ...none });
  expect(describeEncoderSetup(addresses, stream, `corral_${"s".repeat(43)}`)).toMatchObject(none);
});
