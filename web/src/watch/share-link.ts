/** What a viewer passes on: the stream's address without anything of the viewer's own. */
import { parseBroadcastId } from "../../../core/kit/ids.ts";

/** What of a stream an address shows. */
export interface SharedPlace {
  /** A broadcast's recording; null: what is live, else the latest recording. */
  readonly broadcast: string | null;
  /** Where it begins, seconds of the recording; null: at its start. */
  readonly startS: number | null;
  /** Where the clip ends, seconds of the recording; null: it is no clip. */
  readonly endS: number | null;
}

/** The stream itself. */
export const WHOLE_STREAM: SharedPlace = { broadcast: null, startS: null, endS: null };

/** The shared address. */
export const shareLink = (origin: string, stream: string, place: SharedPlace): string =>
  `${origin}/watch/${stream}${placeQuery(place)}`;

/** The query of an address that shows it, with its question mark; empty for the stream itself. */
export function placeQuery({ broadcast, startS, endS }: SharedPlace): string {
  const query = new URLSearchParams();
  if (broadcast !== null) query.set("broadcast", broadcast);
  if (startS !== null && startS >= 1) query.set("t", String(Math.floor(startS)));
  if (endS !== null) query.set("end", String(Math.ceil(endS)));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** What the query of an address shows; an invalid part counts as absent. */
export function parseSharedPlace(query: string): SharedPlace {
  const params = new URLSearchParams(query);
  const startS = parseSeconds(params.get("t"));
  const endS = parseSeconds(params.get("end"));
  return {
    broadcast: parseBroadcastId(params.get("broadcast") ?? ""),
    startS,
    endS: endS !== null && endS > (startS ?? 0) ? endS : null,
  };
}

const parseSeconds = (text: string | null): number | null => (/^\d{1,7}$/.test(text ?? "") ? Number(text) : null);
