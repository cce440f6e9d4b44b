/** The multivariant playlist: a broadcast's renditions and the addresses of their media playlists. */
import type { BroadcastConfig, Track } from "../../broadcast/broadcast-log.ts";
import { mediaPlaylistPath } from "./paths.ts";

/** No tag used here needs a higher version than fMP4 media playlists. */
const VERSION = 6;
const AUDIO_GROUP = "audio";

/** Inputs of the multivariant playlist besides the configuration. */
export interface MultivariantOptions {
  /** The broadcast has ended: its playlists are the VOD ones. */
  readonly ended: boolean;
  /** I-frame playlists are served. */
  readonly iframes: boolean;
}

/** The multivariant playlist of a broadcast, with addresses relative to it. */
export function renderMultivariant(config: BroadcastConfig, opts: MultivariantOptions): string {
  const video = config.tracks.filter((track) => track.kind === "video");
  const audio = config.tracks.filter((track) => track.kind === "audio");
  const media = opts.ended ? "vod.m3u8" : "media.m3u8";
  const uri = (track: Track): string => mediaPlaylistPath(config.broadcast, track.name, media);
  const lines = ["#EXTM3U", `#EXT-X-VERSION:${VERSION}`, "#EXT-X-INDEPENDENT-SEGMENTS"];

  if (video.length === 0) {
    for (const track of audio) lines.push(streamInfTag(track, []), uri(track));
    return `${lines.join("\n")}\n`;
  }
  for (const [index, track] of audio.entries()) lines.push(audioMediaTag(track, index === 0, uri(track)));
  for (const track of video) lines.push(streamInfTag(track, audio), uri(track));
  if (opts.iframes) {
    const file = opts.ended ? "vod-iframes.m3u8" : "iframes.m3u8";
    for (const track of video)
      lines.push(iframeStreamInfTag(track, mediaPlaylistPath(config.broadcast, track.name, file)));
  }
  return `${lines.join("\n")}\n`;
}

function audioMediaTag(track: Track, isDefault: boolean, uri: string): string {
  const attributes = [
    "TYPE=AUDIO",
    `GROUP-ID="${AUDIO_GROUP}"`,
    `NAME=${quote(track.name)}`,
    `DEFAULT=${isDefault ? "YES" : "NO"}`,
    "AUTOSELECT=YES",
  ];
  if (track.language !== undefined) attributes.push(`LANGUAGE=${quote(track.language)}`);
  if (track.channels !== undefined) attributes.push(`CHANNELS="${track.channels}"`);
  attributes.push(`URI=${quote(uri)}`);
  return `#EXT-X-MEDIA:${attributes.join(",")}`;
}

function streamInfTag(track: Track, audio: readonly Track[]): string {
  // §4.4.6.2: "[BANDWIDTH] MUST be ... the largest sum of peak segment bit rates that is produced by any playable
  // combination of Renditions": the variant's own and the heaviest audio rendition's.
  const heaviest = (rate: (of: Track) => number): number => Math.max(0, ...audio.map(rate));
  // §6.2.4: "[CODECS] MUST include every media format present in any Media Segment in any of the Renditions".
  const codecs = [...new Set([track, ...audio].map((one) => one.codecs))].join(",");
  const attributes = [
    `BANDWIDTH=${Math.ceil(track.bandwidth + heaviest((one) => one.bandwidth))}`,
    `AVERAGE-BANDWIDTH=${Math.ceil(track.averageBandwidth + heaviest((one) => one.averageBandwidth))}`,
    `CODECS=${quote(codecs)}`,
    ...resolutionAttributes(track),
  ];
  if (track.frameRate !== undefined) attributes.push(`FRAME-RATE=${track.frameRate.toFixed(3)}`);
  if (audio.length > 0) attributes.push(`AUDIO="${AUDIO_GROUP}"`);
  return `#EXT-X-STREAM-INF:${attributes.join(",")}`;
}

function iframeStreamInfTag(track: Track, uri: string): string {
  // An I-frame per segment never needs more than its rendition, so its rates are upper bounds. A muxed rendition's
  // I-frame playlist shows the video only.
  const [picture = ""] = track.codecs.split(",");
  const attributes = [
    `BANDWIDTH=${Math.ceil(track.bandwidth)}`,
    `AVERAGE-BANDWIDTH=${Math.ceil(track.averageBandwidth)}`,
    `CODECS=${quote(picture)}`,
    ...resolutionAttributes(track),
    `URI=${quote(uri)}`,
  ];
  return `#EXT-X-I-FRAME-STREAM-INF:${attributes.join(",")}`;
}

function resolutionAttributes(track: Track): string[] {
  return track.width === undefined || track.height === undefined ? [] : [`RESOLUTION=${track.width}x${track.height}`];
}

function quote(text: string): string {
  // §4.2: a quoted-string must not contain line feed, carriage return or double quote.
  return `"${text.replaceAll(/["\r\n]/g, "")}"`;
}
