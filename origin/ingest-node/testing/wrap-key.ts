/** RFC 3394 for tests: senders wrap keys, the listener only unwraps them. */
import { createCipheriv } from "node:crypto";

/** The wrapped keys. */
export function wrapTestKey(keyEncryptingKey: Uint8Array, keys: Uint8Array): Uint8Array {
  const cipher = createCipheriv(
    `id-aes${8 * keyEncryptingKey.byteLength}-wrap`,
    keyEncryptingKey,
    Buffer.alloc(8, 0xa6),
  );
  return Buffer.concat([cipher.update(keys), cipher.final()]);
}
