/** JSON that only the edge can read and make: encrypted with AES-GCM, for what a client keeps or passes on. */
import { base64url } from "jose";

const IV_BYTES = 12;

/** The value as a text of `A–Z a–z 0–9 _ - .`. */
export async function sealJson(key: CryptoKey, value: unknown): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const plain = new TextEncoder().encode(JSON.stringify(value));
  const bytes = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain));
  return `${base64url.encode(iv)}.${base64url.encode(bytes)}`;
}

/** The value that was sealed with this key; null for any other text. */
export async function openSealedJson(key: CryptoKey, text: string): Promise<unknown> {
  const [, iv, bytes] = /^([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]+)$/.exec(text) ?? [];
  if (iv === undefined || bytes === undefined) return null;
  try {
    const how = { name: "AES-GCM", iv: base64url.decode(iv) };
    const plain = await crypto.subtle.decrypt(how, key, base64url.decode(bytes));
    return JSON.parse(new TextDecoder().decode(plain));
  } catch {
    return null;
  }
}
