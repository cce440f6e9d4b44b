/**
 * `CMSD-Static` (CTA-5006) of the delivery side's answers: what an object is, for players and for caches in between. Texts
 * are made once for each kind of object. `CMSD-Dynamic` is not sent: a Worker sees neither the connection nor its
 * throughput. Nor is the next object named: the playlist's hint does, and each part would need headers of its own.
 */
import { type CmsdStatic, CmsdStreamingFormat, CmsdStreamType, encodeCmsdStatic } from "@svta/cml-cmsd";
import type { Track } from "../../core/broadcast/broadcast-log.ts";

/** Held times are rounded to this, so that answers held alike share their headers. */
const HELD_TIME_STEP_MS = 10;

const encodeStatic = (keys: CmsdStatic, ended: boolean): string => {
  const st = ended ? CmsdStreamType.VOD : CmsdStreamType.LIVE;
  return encodeCmsdStatic({ ...keys, sf: CmsdStreamingFormat.HLS, st });
};

const PLAYLIST_CMSD = { live: encodeStatic({ ot: "m" }, false), ended: encodeStatic({ ot: "m" }, true) };
const INIT_CMSD = { live: encodeStatic({ ot: "i" }, false), ended: encodeStatic({ ot: "i" }, true) };

/** Of media of a broadcast of which nothing is known here. */
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

/** `cmsd` of an answer that waited `heldMs` for its object; a player's throughput estimate leaves that time out. */
export function addHeldTime(cmsd: string, heldMs: number): string {
  return `${cmsd},ht=${HELD_TIME_STEP_MS * Math.round(heldMs / HELD_TIME_STEP_MS)}`;
}
