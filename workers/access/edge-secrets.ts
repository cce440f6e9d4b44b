/** The deployment's secrets: how long they must be, and the keys that the edge derives from one of them for itself. */
import type { Env } from "../env.ts";
import { deliveryProblemResponse } from "../kit/responses.ts";

/** Bytes that a secret has at least: as many as the hash with which it signs. */
const MIN_SECRET_BYTES = 32;

const SECRET_NAMES = [
  "CORRAL_ADMIN_TOKEN",
  "CORRAL_METRICS_TOKEN",
  "CORRAL_VIEWER_SECRET",
  "CORRAL_EDGE_SECRET",
] as const;

/** The names of the secrets that are set and shorter than a secret must be. */
function findShortSecrets(env: Pick<Env, (typeof SECRET_NAMES)[number]>): string[] {
  return SECRET_NAMES.filter((name) => {
    const text = env[name] ?? "";
    // A character has a byte at least.
    return (
      text !== "" && text.length < MIN_SECRET_BYTES && new TextEncoder().encode(text).byteLength < MIN_SECRET_BYTES
    );
  });
}

let checkedEnv: { readonly env: Env; readonly short: readonly string[] } | null = null;

/** The refusal of every request of a deployment with a secret that can be guessed, or null. */
export function refuseShortSecrets(env: Env): Response | null {
  if (checkedEnv?.env !== env) {
    checkedEnv = { env, short: findShortSecrets(env) };
    if (checkedEnv.short.length > 0) console.error(describeShortSecrets(checkedEnv.short));
  }
  return checkedEnv.short.length === 0
    ? null
    : deliveryProblemResponse(500, "A secret is too short", describeShortSecrets(checkedEnv.short));
}

const describeShortSecrets = (short: readonly string[]): string =>
  `${short.join(", ")} must have at least ${MIN_SECRET_BYTES} bytes: set it anew, as from \`openssl rand -hex 32\`.`;

/** What a derived key is for; each has a key of its own, so that what is made for one says nothing to another. */
export type EdgeKeyPurpose = "address" | "count" | "device" | "network" | "playback" | "ticket";

/** A key that the edge derives. */
interface DerivedKey {
  readonly secret: string;
  readonly key: Promise<CryptoKey>;
}

const derivedKeys = new Map<EdgeKeyPurpose, DerivedKey>();

/**
 * The secret that only this edge needs: `CORRAL_EDGE_SECRET`, else one that it has anyway. Null where there is none: such
 * an edge has no streams, for nobody can make keys for them.
 */
function selectEdgeSecret(env: Env): string | null {
  const [first] = [env.CORRAL_EDGE_SECRET, env.CORRAL_VIEWER_SECRET, env.CORRAL_ADMIN_TOKEN].filter(
    (secret) => secret !== undefined && secret !== "",
  );
  return first ?? null;
}

/** The edge's key for a purpose; null where the deployment has no secret. */
export async function getEdgeKey(env: Env, purpose: EdgeKeyPurpose): Promise<CryptoKey | null> {
  const secret = selectEdgeSecret(env);
  if (secret === null) return null;
  const known = derivedKeys.get(purpose);
  if (known?.secret === secret) return known.key;
  const key = deriveKey(secret, purpose);
  derivedKeys.set(purpose, { secret, key });
  return key;
}

async function deriveKey(secret: string, purpose: EdgeKeyPurpose): Promise<CryptoKey> {
  const bytes = new TextEncoder();
  const master = await crypto.subtle.importKey("raw", bytes.encode(secret), "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytes.encode(`corral ${purpose} 1`) };
  return purpose === "ticket"
    ? crypto.subtle.deriveKey(how, master, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"])
    : crypto.subtle.deriveKey(how, master, { name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign"]);
}

/** The first bytes of a text's authentication code under a key; without the key nobody tells which text it is of. */
export async function computeMac(key: CryptoKey, text: string, bytes = 16): Promise<Uint8Array> {
  const code = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return new Uint8Array(code, 0, bytes);
}
