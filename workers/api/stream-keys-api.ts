/** The control API of a stream's keys. */
import {
  createStreamKeyId,
  STREAM_KEY_ID_PATTERN,
  type StreamKeyInfo,
  type StreamKeyRole,
  streamKeyState,
} from "../../core/access/stream-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { type DerivedStreamKey, deriveStreamKey } from "../access/stream-key-secret.ts";
import { registerStream } from "../access/stream-registry.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { jsonResponse, problemResponse } from "../kit/responses.ts";

/** A requested key. */
interface KeyRequest {
  readonly label: string;
  readonly role: StreamKeyRole;
  readonly expiresInS?: number | undefined;
  readonly uses?: number | undefined;
}

/** `GET …/keys`: the keys without their secrets. */
export async function handleListKeys({ env, platform }: RequestScope, stream: StreamName): Promise<Response> {
  const keys = await env.LIVE.getByName(stream).keys();
  const nowMs = platform.clock.nowMs();
  const describe = (info: StreamKeyInfo): object => ({
    ...describeKey(info),
    state: streamKeyState(info, nowMs),
    lastUsedAt: toIsoTime(info.lastUsedMs),
    revokedAt: toIsoTime(info.revokedMs),
  });
  return jsonResponse({ stream, keys: keys.map(describe) });
}

/** `POST …/keys`: issues a key, shown this once. */
export async function handlePostKey(
  scope: RequestScope,
  stream: StreamName,
  { label, role, expiresInS, uses }: KeyRequest,
): Promise<Response> {
  const { env, platform } = scope;
  const created = await createKey(scope, stream);
  if (created === null) return problemResponse("secret-not-set");
  await registerStream(env, stream);
  const { id, key, hash } = created;
  const expiresMs = expiresInS === undefined ? null : platform.clock.nowMs() + 1_000 * expiresInS;
  const info = await env.LIVE.getByName(stream).addKey({ id, hash, label, role, expiresMs, usesLeft: uses ?? null });
  return info === null ? problemResponse("too-many-keys") : jsonResponse({ stream, key, ...describeKey(info) }, 201);
}

/** `POST …/keys/{key}/rotate`: issues a key in place of another. */
export async function handleRotateKey(
  scope: RequestScope,
  stream: StreamName,
  id: string,
  overlapS: number,
): Promise<Response> {
  const created = await createKey(scope, stream);
  if (created === null) return problemResponse("secret-not-set");
  if (!STREAM_KEY_ID_PATTERN.test(id)) return unknownKeyResponse();
  const { key, hash } = created;
  const rotation = await scope.env.LIVE.getByName(stream).rotateKey(id, 1_000 * overlapS, { id: created.id, hash });
  if (rotation === "unknown") return unknownKeyResponse();
  if (rotation === "full") return problemResponse("too-many-keys");
  const replaces = { id, expiresAt: toIsoTime(rotation.replaced.expiresMs) };
  return jsonResponse({ stream, key, ...describeKey(rotation.issued), replaces }, 201);
}

/** `DELETE …/keys/{key}`: revokes a key, and cuts its session. */
export async function handleDeleteKey({ env }: RequestScope, stream: StreamName, id: string): Promise<Response> {
  const isKnown = STREAM_KEY_ID_PATTERN.test(id) && (await env.LIVE.getByName(stream).revokeKey(id));
  return isKnown ? new Response(null, { status: 204 }) : unknownKeyResponse();
}

/** `DELETE …/keys`: revokes every key and publish token, and cuts the running session. */
export async function handleDeleteKeys({ env }: RequestScope, stream: StreamName): Promise<Response> {
  await env.LIVE.getByName(stream).removeKeys();
  return new Response(null, { status: 204 });
}

async function createKey(
  { config, platform }: RequestScope,
  stream: StreamName,
): Promise<(DerivedStreamKey & { readonly id: string }) | null> {
  const id = createStreamKeyId(platform.random);
  const derived = await deriveStreamKey(config, stream, id);
  return derived === null ? null : { ...derived, id };
}

function describeKey({ id, label, role, createdMs, expiresMs, usesLeft }: StreamKeyInfo): object {
  return { id, label, role, createdAt: toIsoTime(createdMs), expiresAt: toIsoTime(expiresMs), usesLeft };
}

const toIsoTime = (atMs: number | null): string | null => (atMs === null ? null : new Date(atMs).toISOString());

function unknownKeyResponse(): Response {
  return problemResponse("not-found", "No such key of the stream can be changed.");
}
