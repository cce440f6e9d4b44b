/** What a creator pastes into an encoder or opens on a phone, made from a node's addresses, a stream and one of its keys. */
import { STREAM_KEY_PATTERN } from "../access/stream-key.ts";
import { formatListener, type IngestAddresses } from "../api/ingest-addresses.ts";
import type { StreamName } from "../kit/ids.ts";

/** What encoders are told. */
const SETUP = {
  /** Milliseconds in which SRT repairs losses over a mobile network: five round trips of 100 ms. */
  mobileSrtLatencyMs: 500,
  /** Bytes of the key of AES-128, which senders propose by default. */
  srtKeyBytes: 16,
  /** Seconds between keyframes. */
  keyframeIntervalS: 2,
} as const;

/** The settings of encoders for one key; null: there is no listener for it. */
export interface EncoderSetup {
  /** OBS and other RTMP encoders: the field "Server". RTMPS, where there is one. */
  readonly server: string | null;
  /** The field "Stream key". */
  readonly key: string;
  /** One address with stream id and passphrase, as FFmpeg, GStreamer and OBS read it. */
  readonly srtUrl: string | null;
  /** Opens Moblin (iOS) with a new stream. */
  readonly moblinLink: string | null;
  /** Opens Larix Broadcaster (iOS, Android) with a new connection. */
  readonly larixLink: string | null;
}

/** The RTMP server of a stream; null without a listener. */
export function rtmpServer({ rtmp, rtmps }: IngestAddresses, stream: StreamName): string | null {
  if (rtmps !== null) return `rtmps://${formatListener(rtmps)}/live/${stream}`;
  return rtmp === null ? null : `rtmp://${formatListener(rtmp)}/live/${stream}`;
}

/** The settings for `key`. SRT needs a key with an id, whose secret is its passphrase. */
export function describeEncoderSetup(addresses: IngestAddresses, stream: StreamName, key: string): EncoderSetup {
  const server = rtmpServer(addresses, stream);
  const { srt } = addresses;
  const [, id = "", passphrase = ""] = STREAM_KEY_PATTERN.test(key) ? (/^corral_([^_]+)_(.+)$/.exec(key) ?? []) : [];
  if (srt === null || id === "") return { server, key, srtUrl: null, moblinLink: null, larixLink: null };
  const listener = `srt://${formatListener(srt)}`;
  const streamId = `${stream}/${id}`;
  const srtUrl = `${listener}?streamid=${streamId}&passphrase=${passphrase}&pbkeylen=${SETUP.srtKeyBytes}`;
  return {
    server,
    key,
    srtUrl,
    moblinLink: moblinLink(stream, srtUrl),
    larixLink: larixLink({
      "conn[][url]": listener,
      "conn[][name]": nameOf(stream),
      "conn[][srtstreamid]": streamId,
      "conn[][srtpass]": passphrase,
      "conn[][srtpbkl]": String(SETUP.srtKeyBytes),
      "conn[][srtlatency]": String(SETUP.mobileSrtLatencyMs),
      "conn[][overwrite]": "on",
    }),
  };
}

/** Moblin reads its settings as percent-encoded JSON after `moblin://?`. */
function moblinLink(stream: StreamName, url: string): string {
  const video = { codec: "H.264/AVC", bFrames: false, maxKeyFrameInterval: SETUP.keyframeIntervalS };
  const srt = { latency: SETUP.mobileSrtLatencyMs, adaptiveBitrateEnabled: true };
  const settings = { streams: [{ name: nameOf(stream), url, selected: true, video, srt }] };
  return `moblin://?${encodeURIComponent(JSON.stringify(settings))}`;
}

/** Larix reads the parameters of its Grove format; its names keep their brackets. */
function larixLink(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `larix://set/v1?${pairs.join("&")}`;
}

const nameOf = (stream: StreamName): string => `Corral ${stream}`;
