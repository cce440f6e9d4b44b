/** Keys that the edge derives from its secret for its own use only. */
import type { Config } from "../../core/api/config.ts";

/** The secret that keys are derived from. */
export type EdgeSecret = Pick<Config, "edgeSecret">;

/** The purpose of a derived key. Each purpose has its own key, so that a code for one is invalid for another. */
export type EdgeKeyPurpose =
  | "account"
  | "address"
  | "count"
  | "device"
  | "network"
  | "playback"
  | "sign-in"
  | "stream-key"
  | "ticket";

/** Purposes whose keys encrypt; the others sign. */
const ENCRYPTING_PURPOSES: readonly EdgeKeyPurpose[] = ["sign-in", "ticket"];

/** A key that the edge derives. */
interface DerivedKey {
  readonly secret: string;
  readonly key: Promise<CryptoKey>;
}

const derivedKeys = new Map<EdgeKeyPurpose, DerivedKey>();

/** The edge's key for a purpose; null without a secret in the deployment: no stream key can exist there. */
export async function getEdgeKey({ edgeSecret }: EdgeSecret, purpose: EdgeKeyPurpose): Promise<CryptoKey | null> {
  if (edgeSecret === null) return null;
  const known = derivedKeys.get(purpose);
  if (known?.secret === edgeSecret) return known.key;
  const key = deriveKey(edgeSecret, purpose);
  derivedKeys.set(purpose, { secret: edgeSecret, key });
  return key;
}

async function deriveKey(secret: string, purpose: EdgeKeyPurpose): Promise<CryptoKey> {
  const bytes = new TextEncoder();
  const master = await crypto.subtle.importKey("raw", bytes.encode(secret), "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytes.encode(`corral ${purpose} 1`) };
  return ENCRYPTING_PURPOSES.includes(purpose)
    ? crypto.subtle.deriveKey(how, master, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"])
    : crypto.subtle.deriveKey(how, master, { name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign"]);
}

/** The first bytes of a text's HMAC: without the key they reveal nothing about the text. */
export async function computeMac(key: CryptoKey, text: string, bytes = 16): Promise<Uint8Array> {
  const code = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return new Uint8Array(code, 0, bytes);
}
