/**
 * Values as they are stored: AES-GCM under the key of the person that they tell of; of nobody, as they are. What is sealed
 * is bound to its place, which is no part of it: bytes that are moved to another row, column or room don't open.
 */

const IV_BYTES = 12;

/** The bytes that keep a value of JSON in a place: a random IV and what is sealed, or the JSON itself where there is no key. */
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
 * The value that the bytes keep. Throws if they were sealed under another key, or in another place. `unplaced`: there are
 * bytes that were sealed without any.
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
