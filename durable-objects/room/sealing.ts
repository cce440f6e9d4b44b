/** Values as they are stored: AES-GCM under the key of the person that they tell of; of nobody, as they are. */

const IV_BYTES = 12;

/** The bytes that keep a value of JSON: a random IV and what is sealed, or the JSON itself where there is no key. */
export async function seal(value: unknown, key: CryptoKey | null): Promise<Uint8Array> {
  const plain = new TextEncoder().encode(JSON.stringify(value));
  if (key === null) return plain;
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain);
  const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), IV_BYTES);
  return bytes;
}

/** The value that the bytes keep. Throws if they were sealed under another key. */
export async function unseal(bytes: ArrayBuffer, key: CryptoKey | null): Promise<unknown> {
  if (key === null) return JSON.parse(new TextDecoder().decode(bytes));
  const iv = new Uint8Array(bytes, 0, IV_BYTES);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, bytes.slice(IV_BYTES));
  return JSON.parse(new TextDecoder().decode(plain));
}
