/** Key material: the wrapped stream keys that a sender announces, and decryption with them. */
import type { SrtCrypto } from "./crypto.ts";
import { SRT_LIMITS } from "./limits.ts";
import { type SrtDataPacket, viewOf } from "./packet.ts";

const SALT_BYTES = 16;
const HEADER_BYTES = 16;
/** Version 1, type 2 and the signature of a key-material message. */
const MAGIC = 0x12_20_29;
const AES_CTR = 2;
/** "PBKDF2 … using the passphrase, a number of iterations (2048), a keyed-hash (HMAC-SHA1)". */
const ITERATIONS = 2_048;
/** "LSB(64,Salt)": bytes of the salt that derive the key. */
const DERIVATION_SALT_BYTES = 8;

/** A key-material message; the fields are views. */
export interface KeyMaterial {
  /** Announced keys: 1 even, 2 odd, 3 both. */
  readonly keyFlags: number;
  readonly isSupportedCipher: boolean;
  readonly salt: Uint8Array;
  /** Bytes of a stream key: 16, 24 or 32. */
  readonly keyBytes: number;
  /** Even key, then odd key, wrapped together. */
  readonly wrapped: Uint8Array;
}

/** The message in `bytes`, or null if it is malformed. */
export function parseKeyMaterial(bytes: Uint8Array): KeyMaterial | null {
  if (bytes.byteLength < HEADER_BYTES + SALT_BYTES) return null;
  const view = viewOf(bytes);
  const keyFlags = view.getUint8(3) & 3;
  const keyBytes = 4 * view.getUint8(15);
  const keys = keyFlags === 3 ? 2 : 1;
  if (view.getUint32(0) >>> 8 !== MAGIC || keyFlags === 0) return null;
  if (4 * view.getUint8(14) !== SALT_BYTES || ![16, 24, 32].includes(keyBytes)) return null;
  // "the size of the wrap field is ((n * KLen) + 8) bytes"
  if (bytes.byteLength !== HEADER_BYTES + SALT_BYTES + keys * keyBytes + 8) return null;
  return {
    keyFlags,
    isSupportedCipher: view.getUint8(8) === AES_CTR && view.getUint8(9) === 0,
    salt: bytes.subarray(HEADER_BYTES, HEADER_BYTES + SALT_BYTES),
    keyBytes,
    wrapped: bytes.subarray(HEADER_BYTES + SALT_BYTES),
  };
}

/** A stream key with the salt that its counters begin with. */
interface StreamKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

/** Decrypts the payloads of one connection with its current even and odd key. */
export class PayloadDecryptor {
  readonly #crypto: SrtCrypto;
  readonly #passphrase: Uint8Array;
  #even: StreamKey | null = null;
  #odd: StreamKey | null = null;
  #derived: { readonly salt: Uint8Array; readonly key: Uint8Array } | null = null;
  #nextDerivationMs = Number.NEGATIVE_INFINITY;

  constructor(crypto: SrtCrypto, passphrase: string) {
    this.#crypto = crypto;
    this.#passphrase = new TextEncoder().encode(passphrase);
  }

  /** Installs announced keys. False if the passphrase does not unwrap them, or keys are derived too often. */
  install(material: KeyMaterial, nowMs: number): boolean {
    if (!material.isSupportedCipher) return false;
    const keyEncryptingKey = this.#deriveKey(material, nowMs);
    const keys = keyEncryptingKey === null ? null : this.#crypto.unwrapKey(keyEncryptingKey, material.wrapped);
    const { keyFlags, keyBytes } = material;
    if (keys === null || keys.byteLength !== material.wrapped.byteLength - 8) return false;
    const salt = material.salt.slice();
    if ((keyFlags & 1) !== 0) this.#even = { key: keys.slice(0, keyBytes), salt };
    if ((keyFlags & 2) !== 0) this.#odd = { key: keys.slice(-keyBytes), salt };
    return true;
  }

  /** The payload in clear, or null if it is not encrypted or its key is not known. */
  decrypt(packet: SrtDataPacket): Uint8Array | null {
    const { keyFlags } = packet;
    const streamKey = keyFlags === 1 ? this.#even : keyFlags === 2 ? this.#odd : null;
    if (streamKey === null) return null;
    return this.#crypto.applyAesCtr(streamKey.key, makeCounter(streamKey.salt, packet.sequence), packet.payload);
  }

  /** Null if keys are derived too often. */
  #deriveKey({ salt, keyBytes }: KeyMaterial, nowMs: number): Uint8Array | null {
    const derived = this.#derived;
    if (derived?.key.byteLength === keyBytes && derived.salt.every((byte, at) => byte === salt[at])) return derived.key;
    if (nowMs < this.#nextDerivationMs) return null;
    this.#nextDerivationMs = nowMs + SRT_LIMITS.keyDerivationMs;
    const key = this.#crypto.pbkdf2Sha1(this.#passphrase, salt.subarray(-DERIVATION_SALT_BYTES), ITERATIONS, keyBytes);
    this.#derived = { salt: salt.slice(), key };
    return key;
  }
}

/**
 * The counter of a packet's first block: the 112 most significant bits of the salt, XORed with the sequence number in the
 * 32 bits before the 16-bit block counter.
 */
export function makeCounter(salt: Uint8Array, sequence: number): Uint8Array<ArrayBuffer> {
  const counter = new Uint8Array(16);
  counter.set(salt.subarray(0, 14));
  const view = viewOf(counter);
  view.setUint32(10, view.getUint32(10) ^ sequence);
  return counter;
}
