/**
 * `CMSD-Static` (CTA-5006) of delivery responses: properties of an object, for players and caches. Header texts
 * are created once per kind of object. `CMSD-Dynamic` is not sent: a Worker sees neither the connection nor its
 * throughput. Nor is the next object named: the playlist's hint does that, and each part would need its own headers.
 */
import { type CmsdStatic, CmsdStreamingFormat, CmsdStreamType, encodeCmsdStatic } from "@svta/cml-cmsd";
import type { Track } from "../../core/broadcast/broadcast-log.ts";

/** Held times are rounded to this, so that responses share their headers. */
const HELD_TIME_STEP_MS = 10;

const encodeStatic = (keys: CmsdStatic, ended: boolean): string => {
  const st = ended ? CmsdStreamType.VOD : CmsdStreamType.LIVE;
  return encodeCmsdStatic({ ...keys, sf: CmsdStreamingFormat.HLS, st });
};

const PLAYLIST_CMSD = { live: encodeStatic({ ot: "m" }, false), ended: encodeStatic({ ot: "m" }, true) };
const INIT_CMSD = { live: encodeStatic({ ot: "i" }, false), ended: encodeStatic({ ot: "i" }, true) };

/** Of media of an unknown broadcast. */
export const UNKNOWN_CMSD: string = encodeCmsdStatic({ sf: CmsdStreamingFormat.HLS });

/** Of a playlist. */
export const playlistCmsd = (ended: boolean): string => (ended ? PLAYLIST_CMSD.ended : PLAYLIST_CMSD.live);

/** Of an init section. */
export const initCmsd = (ended: boolean): string => (ended ? INIT_CMSD.ended : INIT_CMSD.live);

const cachedTrackCmsd = new WeakMap<
  Track,
  { readonly live: Map<number, string>; readonly ended: Map<number, string> }
>();

/** Of a part or segment of `durationTicks`; the bit rate is the track's declared average. */
export function mediaCmsd(track: Track, durationTicks: number, ended: boolean): string {
  const known = cachedTrackCmsd.get(track) ?? { live: new Map<number, string>(), ended: new Map<number, string>() };
  cachedTrackCmsd.set(track, known);
  const texts = ended ? known.ended : known.live;
  const made = texts.get(durationTicks);
  if (made !== undefined) return made;
  const { kind, averageBandwidth, timescale } = track;
  const d = Math.round((1000 * durationTicks) / timescale);
  const fresh = encodeStatic({ ot: kind === "audio" ? "a" : "v", br: Math.round(averageBandwidth / 1000), d }, ended);
  texts.set(durationTicks, fresh);
  return fresh;
}

/** Of a response by flow, which is of no format that CTA-5006 names; the bit rate is the sum of its tracks. */
export function flowCmsd(tracks: readonly Track[]): string {
  const kinds = new Set(tracks.map(({ kind }) => kind));
  const br = Math.round(tracks.reduce((sum, { averageBandwidth }) => sum + averageBandwidth, 0) / 1000);
  const ot = kinds.size > 1 ? "av" : kinds.has("audio") ? "a" : "v";
  return encodeCmsdStatic({ ot, br, sf: CmsdStreamingFormat.OTHER, st: CmsdStreamType.LIVE });
}

/** `cmsd` of a response that waited `heldMs` for its object; a player's throughput estimate excludes that time. */
export function addHeldTime(cmsd: string, heldMs: number): string {
  return `${cmsd},ht=${HELD_TIME_STEP_MS * Math.round(heldMs / HELD_TIME_STEP_MS)}`;
}
