/** The data centre's cache, for responses that its isolates would otherwise each request from an object. */
import { type FlightResult, SingleFlight } from "../../core/kit/single-flight.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import type { WaitUntilContext } from "../../core/kit/wait-until.ts";

/** A follower waits so long for the leader of its flight, whose call of an object has no deadline, before it calls by itself. */
export const OBJECT_CALL_WAIT_MS = 4_000;

/** A text and its lifetime, whole seconds. */
export interface CacheableText {
  readonly text: string;
  readonly maxAgeS: number;
}

/** A text, and whether it was cached. */
export interface CachedText {
  readonly text: string;
  readonly isHit: boolean;
}

/** The text of `key` (a path with all of its inputs, and nothing else), from the cache or from `load`. */
export async function readTextThroughCache(
  ctx: WaitUntilContext,
  key: string,
  load: () => Promise<CacheableText>,
): Promise<CachedText> {
  const url = textCacheUrl(key);
  // A failing cache counts as empty.
  const held = await caches.default.match(url).catch(() => undefined);
  if (held !== undefined) return { text: await held.text(), isHit: true };
  const { text, maxAgeS } = await load();
  const headers = { "cache-control": `public, max-age=${maxAgeS}`, "content-type": "application/json" };
  ctx.waitUntil(caches.default.put(url, new Response(text, { headers })).catch(() => {}));
  return { text, isHit: false };
}

/** The text of a key has changed: this data centre loads it again. */
export async function deleteCachedText(key: string): Promise<void> {
  await caches.default.delete(textCacheUrl(key)).catch(() => false);
}

const textCacheUrl = (key: string): string => `https://rooms.corral.invalid/${key}`;

const textFlights = new SingleFlight<CachedText>(systemPlatform.clock, OBJECT_CALL_WAIT_MS);

/** The same, with one look-up for concurrent requests of this isolate. Never rejects. */
export function coalesceText(
  ctx: WaitUntilContext,
  key: string,
  load: () => Promise<CacheableText>,
): Promise<FlightResult<CachedText>> {
  return textFlights.load(ctx, key, () => readTextThroughCache(ctx, key, load));
}

/** Bytes under a key, as `readTextThroughCache` gives texts. Null, which says that there are none, is not kept. */
export async function readBytesThroughCache<T extends Uint8Array | null>(
  ctx: WaitUntilContext,
  key: string,
  maxAgeS: number,
  load: () => Promise<T>,
): Promise<T | Uint8Array> {
  const url = bytesCacheUrl(key);
  const held = await caches.default.match(url).catch(() => undefined);
  if (held !== undefined) return new Uint8Array(await held.arrayBuffer());
  const bytes = await load();
  if (bytes === null) return bytes;
  const headers = { "cache-control": `public, max-age=${maxAgeS}`, "content-type": "application/octet-stream" };
  ctx.waitUntil(caches.default.put(url, new Response(bytes, { headers })).catch(() => {}));
  return bytes;
}

/** The bytes under a key have changed: this data centre loads them again. */
export async function deleteCachedBytes(key: string): Promise<void> {
  await caches.default.delete(bytesCacheUrl(key)).catch(() => false);
}

const bytesCacheUrl = (key: string): string => `https://bytes.corral.invalid/${key}`;
