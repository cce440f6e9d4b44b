/** The control API's answers about stream keys and ingest addresses, parsed. */
import {
  STREAM_KEY_PATTERN,
  STREAM_KEY_STATES,
  type StreamKeyRole,
  type StreamKeyState,
} from "../../../../core/access/stream-key.ts";
import type { IngestAddresses, IngestListener } from "../../../../core/api/ingest-addresses.ts";

/** A key in the list, without its secret. Times are ISO 8601. */
export interface ListedKey {
  readonly id: string;
  readonly label: string;
  readonly role: StreamKeyRole;
  readonly state: StreamKeyState;
  readonly lastUsedAt: string | null;
  readonly expiresAt: string | null;
  readonly usesLeft: number | null;
}

/** A key that has just been issued: its secret is shown once. */
export interface IssuedKey {
  readonly id: string;
  readonly label: string;
  readonly key: string;
}

/** The keys in a response body, or null if it is none. */
export function parseKeyList(body: unknown): readonly ListedKey[] | null {
  if (!isRecord(body) || !Array.isArray(body["keys"])) return null;
  return body["keys"].filter(isRecord).map((key) => ({
    id: stringOrNull(key["id"]) ?? "",
    label: stringOrNull(key["label"]) ?? "",
    role: key["role"] === "backup" ? "backup" : "primary",
    state: STREAM_KEY_STATES.find((each) => each === key["state"]) ?? "revoked",
    lastUsedAt: stringOrNull(key["lastUsedAt"]),
    expiresAt: stringOrNull(key["expiresAt"]),
    usesLeft: typeof key["usesLeft"] === "number" ? key["usesLeft"] : null,
  }));
}

/** The issued key in a response body, or null if it is none. */
export function parseIssuedKey(body: unknown): IssuedKey | null {
  if (!isRecord(body)) return null;
  const { id, key, label } = body;
  if (typeof id !== "string" || typeof key !== "string" || !STREAM_KEY_PATTERN.test(key)) return null;
  return { id, key, label: stringOrNull(label) ?? "" };
}

/** The addresses in a response body, or null if it is none. */
export function parseAddressAnswer(body: unknown): IngestAddresses | null {
  if (!isRecord(body) || !("srt" in body)) return null;
  return { rtmp: parseListener(body["rtmp"]), rtmps: parseListener(body["rtmps"]), srt: parseListener(body["srt"]) };
}

function parseListener(value: unknown): IngestListener | null {
  if (!isRecord(value)) return null;
  const { host, port } = value;
  return typeof host === "string" && typeof port === "number" ? { host, port } : null;
}

const stringOrNull = (value: unknown): string | null => (typeof value === "string" ? value : null);

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
