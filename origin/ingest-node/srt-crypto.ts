/** SRT's cryptography by Node's. */
import { createCipheriv, createDecipheriv, createHmac, pbkdf2Sync } from "node:crypto";
import type { SrtCrypto } from "../../core/ingest/srt/crypto.ts";

/** The initial value of RFC 3394, which unwrapping checks. */
const WRAP_IV = Buffer.alloc(8, 0xa6);

/** Node's primitives; keys have 16, 24 or 32 bytes. */
export const nodeSrtCrypto: SrtCrypto = {
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest(),
  pbkdf2Sha1: (passphrase, salt, iterations, byteLength) =>
    pbkdf2Sync(passphrase, salt, iterations, byteLength, "sha1"),
  unwrapKey(keyEncryptingKey, wrapped) {
    const decipher = createDecipheriv(`id-aes${8 * keyEncryptingKey.byteLength}-wrap`, keyEncryptingKey, WRAP_IV);
    try {
      return Buffer.concat([decipher.update(wrapped), decipher.final()]);
    } catch {
      return null;
    }
  },
  applyAesCtr(key, counter, data) {
    // The last block of a stream cipher is empty.
    return createCipheriv(`aes-${8 * key.byteLength}-ctr`, key, counter).update(data);
  },
};
