/** The publish API's answers, parsed. */
import { asJsonObject, type JsonObject, readInteger } from "../../kit/json-fields.ts";
import type { PublishProgress, TrackProgress } from "../publish-api.ts";

/** The progress in an answer's JSON, or null if it has none. */
export function parsePublishProgress(json: JsonObject | null): PublishProgress | null {
  const tracks = asJsonObject(json?.["tracks"]);
  const epoch = json?.["epoch"];
  if (typeof epoch !== "string" || tracks === null) return null;
  const parsed: Record<string, TrackProgress> = {};
  for (const [name, value] of Object.entries(tracks)) {
    const progress = parseTrackProgress(asJsonObject(value));
    if (progress === null) return null;
    parsed[name] = progress;
  }
  if (json?.["chunks"] !== true) return { epoch, tracks: parsed };
  const chunkMs = readInteger(json["chunkMs"], 1);
  return { epoch, tracks: parsed, chunks: true, ...(chunkMs === null ? {} : { chunkMs }) };
}

function parseTrackProgress(json: JsonObject | null): TrackProgress | null {
  const next = asJsonObject(json?.["next"]);
  const durableMsn = readInteger(json?.["durableMsn"], -1);
  const msn = readInteger(next?.["msn"], 0);
  const part = readInteger(next?.["part"], 0);
  const inits = json?.["inits"];
  if (durableMsn === null || msn === null || part === null || !Array.isArray(inits)) return null;
  const versions = inits.map((version) => readInteger(version, 0));
  return versions.includes(null) ? null : { durableMsn, next: { msn, part }, inits: versions as number[] };
}
