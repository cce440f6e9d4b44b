/**
 * Stored values: AES-GCM under the key of their subject, or plain JSON for values about nobody. A ciphertext is bound to
 * its place by additional authenticated data: bytes that are moved to another row, column or room do not decrypt.
 */

const IV_BYTES = 12;

/** The stored bytes of a JSON value in a place: a random IV and the ciphertext, or the JSON itself without a key. */
export async function encryptValue(value: unknown, key: CryptoKey | null, aad: string): Promise<Uint8Array> {
  const plain = new TextEncoder().encode(JSON.stringify(value));
  if (key === null) return plain;
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(gcmParams(iv, aad), key, plain);
  const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), IV_BYTES);
  return bytes;
}

/**
 * The value of the stored bytes. Throws if they were encrypted under another key or in another place. `unplaced`: bytes
 * that are bound to no place are accepted too.
 */
export async function decryptValue(
  bytes: ArrayBuffer,
  key: CryptoKey | null,
  aad: string,
  allowNoAad: boolean,
): Promise<unknown> {
  if (key === null) return JSON.parse(new TextDecoder().decode(bytes));
  const iv = new Uint8Array(bytes, 0, IV_BYTES);
  const sealed = bytes.slice(IV_BYTES);
  const opened = crypto.subtle.decrypt(gcmParams(iv, aad), key, sealed);
  const plain = await (allowNoAad
    ? opened.catch(() => crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed))
    : opened);
  return JSON.parse(new TextDecoder().decode(plain));
}

function gcmParams(iv: Uint8Array, place: string): { name: string; iv: Uint8Array; additionalData: Uint8Array } {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(place) };
}
