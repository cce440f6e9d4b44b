/** The cryptography that SRT needs, synchronous; runtimes implement it with their own library. */

/** Primitives over bytes. None of them throws for any content; lengths are those of the protocol. */
export interface SrtCrypto {
  /** HMAC-SHA-256, 32 bytes. */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** PBKDF2 with HMAC-SHA-1. */
  pbkdf2Sha1(passphrase: Uint8Array, salt: Uint8Array, iterations: number, byteLength: number): Uint8Array;
  /** RFC 3394: the key or keys in `wrapped`, or null if the key-encrypting key of 16, 24 or 32 bytes is another one. */
  unwrapKey(keyEncryptingKey: Uint8Array, wrapped: Uint8Array): Uint8Array | null;
  /** AES-CTR with a key of 16, 24 or 32 bytes from a 16-byte counter on; encrypts and decrypts. */
  applyAesCtr(key: Uint8Array, counter: Uint8Array, data: Uint8Array): Uint8Array;
}
