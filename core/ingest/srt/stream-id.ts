/** The stream id of a caller: which stream it wants to publish, and with which key. */
import { STREAM_KEY_ID_PATTERN } from "../../access/stream-key.ts";
import { parseStreamName, type StreamName } from "../../kit/ids.ts";
import { SRT_REJECT, type SrtRejectReason } from "./reject-reasons.ts";

/** What a stream id says, or why the caller is refused. */
export type StreamIdResult =
  | { readonly ok: true; readonly stream: StreamName; readonly keyId: string }
  | { readonly ok: false; readonly reason: SrtRejectReason };

const PREFIX = "#!::";

/**
 * Parses `#!::r={stream},u={key id},m=publish`, the access-control syntax, or the plain `{stream}/{key id}`.
 * A mode need not be given, since callers only publish here; keys that are not understood are ignored. FFmpeg sends the
 * value of its address as it is, so that an escaped one arrives with its escapes.
 */
export function parseStreamId(sent: string): StreamIdResult {
  const text = unescapePercents(sent);
  if (text === null) return refuse(SRT_REJECT.badRequest);
  if (!text.startsWith("#!")) {
    const [stream, keyId, rest] = text.split("/", 3);
    return rest === undefined ? checkNames(stream, keyId) : refuse(SRT_REJECT.badRequest);
  }
  if (!text.startsWith(PREFIX)) return refuse(SRT_REJECT.badRequest);
  const values = new Map<string, string>();
  for (const pair of text.slice(PREFIX.length).split(",")) {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, Math.max(0, equals));
    if (name === "" || values.has(name)) return refuse(SRT_REJECT.badRequest);
    values.set(name, pair.slice(equals + 1));
  }
  if ((values.get("m") ?? "publish") !== "publish") return refuse(SRT_REJECT.badMode);
  if ((values.get("t") ?? "stream") !== "stream") return refuse(SRT_REJECT.badMode);
  return checkNames(values.get("r"), values.get("u"));
}

function unescapePercents(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function checkNames(streamText = "", keyId = ""): StreamIdResult {
  const stream = parseStreamName(streamText);
  if (stream === null) return refuse(streamText === "" ? SRT_REJECT.badRequest : SRT_REJECT.notFound);
  if (!STREAM_KEY_ID_PATTERN.test(keyId)) return refuse(SRT_REJECT.forbidden);
  return { ok: true, stream, keyId };
}

const refuse = (reason: SrtRejectReason): StreamIdResult => ({ ok: false, reason });
