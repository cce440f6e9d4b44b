/** What `npm start -- ingest` prints: what to paste into an encoder, a QR code for a phone, and where to watch. */
import { renderUnicodeCompact } from "uqr";
import { type IngestAddresses, type IngestListener, NO_INGEST_ADDRESSES } from "../../core/api/ingest-addresses.ts";
import { describeEncoderSetup, rtmpServer } from "../../core/ingest/encoder-setup.ts";
import { buildObsOverride } from "../../core/ingest/obs/obs-configuration.ts";
import type { StreamName } from "../../core/kit/ids.ts";

/** What the lines are made of. */
export interface IngestSetup {
  readonly stream: StreamName;
  /** Null: the senders' keys are not known here. */
  readonly key: string | null;
  readonly edgeUrl: string;
  readonly addresses: IngestAddresses;
}

/** The studio has other canvases. */
const PRINTED_CANVAS = { height: 1080, framesPerSecond: 30 };
/** A place for a key's parts that are not known. */
const UNKNOWN_SRT = "streamid={stream}/KEY-ID&passphrase=PASSPHRASE&pbkeylen=16";

/** The lines, in the order in which a creator needs them. */
export function describeIngestSetup({ stream, key, edgeUrl, addresses }: IngestSetup): string[] {
  const { rtmp, rtmps, srt } = addresses;
  const setup = key === null ? null : describeEncoderSetup(addresses, stream, key);
  const server = (only: Partial<IngestAddresses>): string | null =>
    rtmpServer({ ...NO_INGEST_ADDRESSES, ...only }, stream);
  const srtUrl = setup?.srtUrl ?? (srt === null ? null : unknownSrtUrl(srt, stream));
  return [
    ...(rtmp === null ? [] : [`OBS, Settings > Stream > Custom:  Server      ${server({ rtmp })}`]),
    ...(rtmps === null ? [] : [`        or by TLS:                Server      ${server({ rtmps })}`]),
    `                                  Stream key  ${key ?? `a key of ${stream}`}`,
    "                                  and keyframe interval 2 s in Settings > Output",
    ...(rtmp === null && rtmps === null
      ? []
      : [
          `OBS multitrack:  obs --config-url ${edgeUrl}/api/obs/${stream}/GetClientConfiguration`,
          `        or its Config Override (JSON):  ${JSON.stringify(buildObsOverride(addresses, stream, PRINTED_CANVAS))}`,
        ]),
    ...(srtUrl === null ? [] : [`SRT:    ${srtUrl}`]),
    ...describePhone(srt, setup?.moblinLink ?? null, setup?.larixLink ?? null),
    `Studio: ${edgeUrl}/studio/${stream}  (all of this to copy, and stream keys)`,
    `Watch:  ${edgeUrl}/watch/${stream}`,
  ];
}

const unknownSrtUrl = (srt: IngestListener, stream: StreamName): string =>
  `srt://${srt.host}:${srt.port}?${UNKNOWN_SRT.replace("{stream}", stream)}`;

/** Links and a QR code, if a phone could reach the listener. */
function describePhone(srt: IngestListener | null, moblin: string | null, larix: string | null): string[] {
  if (srt === null || moblin === null || larix === null) return [];
  if (/^(127\.|\[::1\]$)/.test(srt.host)) return ["Phone:  --host 0.0.0.0 lets phones of this network in."];
  return [
    `Moblin: ${moblin}`,
    `Larix:  ${larix}`,
    "Scan with the phone that has Moblin; the studio has the code for Larix:",
    ...renderUnicodeCompact(moblin, { border: 2 }).split("\n"),
  ];
}
