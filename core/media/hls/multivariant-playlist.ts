/** The multivariant playlist: a broadcast's renditions and the addresses of their media playlists. */
import type { BroadcastConfig, Track } from "../../broadcast/broadcast-log.ts";
import { mediaPlaylistPath, type PlaylistFile } from "./paths.ts";

/** No tag used here needs a higher version than fMP4 media playlists. */
const VERSION = 6;
const AUDIO_GROUP = "audio";
/** Codecs by how many players play them: the first variants of a playlist are those that simple players take. */
const CODEC_ORDER: readonly string[] = ["mp4a"];

/** Renditions of one codec. */
interface AudioGroup {
  readonly id: string;
  readonly tracks: readonly Track[];
}

/** Variants without a group. */
const NO_GROUP: AudioGroup = { id: "", tracks: [] };

/** Inputs of the multivariant playlist besides the configuration. */
export interface MultivariantOptions {
  /** The broadcast has ended: its playlists are the VOD ones. */
  readonly ended: boolean;
  /** I-frame playlists are served. */
  readonly iframes: boolean;
  /** Whose address the playlist has, to which its own addresses are relative. */
  readonly of: "stream" | "broadcast";
}

/** The multivariant playlist of a broadcast, with addresses relative to it. */
export function renderMultivariant(config: BroadcastConfig, opts: MultivariantOptions): string {
  const video = config.tracks.filter((track) => track.kind === "video");
  const audio = config.tracks.filter((track) => track.kind === "audio");
  const base = opts.of === "stream" ? `${config.broadcast}/` : "";
  const uriOf = (track: Track, file: PlaylistFile): string => `${base}${mediaPlaylistPath(track.name, file)}`;
  const uri = (track: Track): string => uriOf(track, opts.ended ? "vod.m3u8" : "media.m3u8");
  const lines = ["#EXTM3U", `#EXT-X-VERSION:${VERSION}`, "#EXT-X-INDEPENDENT-SEGMENTS"];

  if (video.length === 0) {
    for (const { tracks } of groupAudio(audio))
      for (const track of tracks) lines.push(streamInfTag(track, NO_GROUP), uri(track));
    return `${lines.join("\n")}\n`;
  }
  const groups = groupAudio(audio);
  for (const { id, tracks } of groups) {
    for (const [index, track] of tracks.entries())
      lines.push(
        audioMediaTag(track, { id, name: audio[index]?.name ?? track.name, isDefault: index === 0 }, uri(track)),
      );
  }
  for (const group of groups.length === 0 ? [NO_GROUP] : groups)
    for (const track of video) lines.push(streamInfTag(track, group), uri(track));
  if (opts.iframes) {
    const file = opts.ended ? "vod-iframes.m3u8" : "iframes.m3u8";
    for (const track of video) lines.push(iframeStreamInfTag(track, uriOf(track, file)));
  }
  return `${lines.join("\n")}\n`;
}

/** A group for each codec, that of the most players first; one for all if the codecs have not the same number of tracks. */
function groupAudio(audio: readonly Track[]): readonly AudioGroup[] {
  const byCodec = Map.groupBy(audio, ({ codecs }) => codecs.split(".")[0] ?? "");
  const sizes = new Set([...byCodec.values()].map(({ length }) => length));
  if (byCodec.size <= 1 || sizes.size > 1) return audio.length === 0 ? [] : [{ id: AUDIO_GROUP, tracks: audio }];
  const rank = ([codec]: readonly [string, unknown]): number => (CODEC_ORDER.includes(codec) ? 0 : 1);
  return [...byCodec]
    .toSorted((a, b) => rank(a) - rank(b))
    .map(([codec, tracks]) => ({ id: `${AUDIO_GROUP}-${codec}`, tracks }));
}

function audioMediaTag(
  track: Track,
  { id, name, isDefault }: { readonly id: string; readonly name: string; readonly isDefault: boolean },
  uri: string,
): string {
  // §4.4.6.1.1: members of several groups "MUST have identical attributes with the exception of the URI and CHANNELS".
  const attributes = [
    "TYPE=AUDIO",
    `GROUP-ID=${quote(id)}`,
    `NAME=${quote(name)}`,
    `DEFAULT=${isDefault ? "YES" : "NO"}`,
    "AUTOSELECT=YES",
  ];
  if (track.language !== undefined) attributes.push(`LANGUAGE=${quote(track.language)}`);
  if (track.channels !== undefined) attributes.push(`CHANNELS="${track.channels}"`);
  attributes.push(`URI=${quote(uri)}`);
  return `#EXT-X-MEDIA:${attributes.join(",")}`;
}

function streamInfTag(track: Track, { id, tracks: audio }: AudioGroup): string {
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
  if (audio.length > 0) attributes.push(`AUDIO=${quote(id)}`);
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
