/** `onMetaData`: what the encoder declares of itself. */
import type { IngestMetadata } from "../media-event.ts";
import { Amf0Reader, type AmfObject, type AmfValue } from "./amf0.ts";
import { RTMP_LIMITS } from "./limits.ts";

/** The metadata in a data message of AMF 0; null if it is another message. Throws `RtmpError` on malformed values. */
export function decodeMetadata(payload: Uint8Array): IngestMetadata | null {
  if (payload.length === 0) return null;
  const reader = new Amf0Reader(payload);
  let name = reader.value();
  // "@setDataFrame" asks the server to keep what follows.
  if (name === "@setDataFrame" && !reader.isAtEnd) name = reader.value();
  if (name !== "onMetaData" || reader.isAtEnd) return null;
  const properties = reader.value();
  if (!(properties instanceof Map)) return null;
  return metadataOf(properties);
}

function metadataOf(properties: AmfObject): IngestMetadata {
  const encoder = properties.get("encoder");
  return {
    kind: "metadata",
    encoder: typeof encoder === "string" ? encoder.slice(0, RTMP_LIMITS.encoderCharacters) : "",
    width: positive(properties.get("width")),
    height: positive(properties.get("height")),
    frameRate: positive(properties.get("framerate")),
    // Declared in kbit/s.
    videoBitsPerSecond: positive(properties.get("videodatarate"), 1_000),
    audioBitsPerSecond: positive(properties.get("audiodatarate"), 1_000),
  };
}

function positive(value: AmfValue | undefined, factor = 1): number | null {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value * factor : null;
}
