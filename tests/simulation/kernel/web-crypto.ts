/**
 * WebCrypto whose promises are settled when they are returned: Node's own resolves from a pool of threads, in an order that
 * no seed decides. The algorithms are Node's; it has those that the product uses.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hash,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from "node:crypto";
import type { SeededRandom } from "./seeded-random.ts";

/** A key as `crypto.subtle` gives it. */
interface SimulatedKey {
  readonly type: "secret";
  readonly algorithm: { readonly name: string; readonly hash?: { readonly name: string }; readonly length?: number };
  readonly usages: readonly string[];
  readonly extractable: boolean;
  readonly [Symbol.toStringTag]: "CryptoKey";
}

type AlgorithmLike = string | { readonly name: string; readonly hash?: string | { readonly name: string } };
type BytesLike = ArrayBuffer | ArrayBufferView;

interface KeyMaterial {
  readonly raw: Buffer;
  /** Node prepares a key once: that takes longer than most of what is done with it. */
  readonly object: KeyObject;
}

const keyMaterials = new WeakMap<SimulatedKey, KeyMaterial>();

const toBuffer = (data: BytesLike): Buffer =>
  ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
const toArrayBuffer = (data: Buffer | ArrayBuffer): ArrayBuffer =>
  data instanceof ArrayBuffer ? data : new Uint8Array(data).buffer;

function hashName(algorithm: AlgorithmLike): string {
  const hash = typeof algorithm === "string" ? algorithm : (algorithm.hash ?? algorithm.name);
  return (typeof hash === "string" ? hash : hash.name).toLowerCase().replace("-", "");
}

function makeKey(raw: Buffer, algorithm: AlgorithmLike, extractable: boolean, usages: readonly string[]): SimulatedKey {
  const described = typeof algorithm === "string" ? { name: algorithm } : algorithm;
  const { hash } = described as { readonly hash?: string | { readonly name: string } };
  const key: SimulatedKey = {
    type: "secret",
    algorithm: {
      name: described.name,
      length: 8 * raw.byteLength,
      ...(hash === undefined ? {} : { hash: typeof hash === "string" ? { name: hash } : hash }),
    },
    usages,
    extractable,
    [Symbol.toStringTag]: "CryptoKey",
  };
  keyMaterials.set(key, { raw, object: createSecretKey(raw) });
  return key;
}

function materialOf(key: SimulatedKey): KeyMaterial {
  const material = keyMaterials.get(key);
  if (material === undefined) throw new TypeError("a key of another runtime");
  return material;
}

const hmac = (key: SimulatedKey, data: BytesLike): Buffer =>
  createHmac(hashName(key.algorithm as AlgorithmLike), materialOf(key).object)
    .update(toBuffer(data))
    .digest();

interface GcmParameters {
  readonly iv: BytesLike;
  readonly additionalData?: BytesLike;
}
const TAG_BYTES = 16;
const cipherOf = (key: SimulatedKey): "aes-128-gcm" | "aes-256-gcm" =>
  materialOf(key).raw.byteLength === 16 ? "aes-128-gcm" : "aes-256-gcm";

const subtle = {
  async digest(algorithm: AlgorithmLike, data: BytesLike): Promise<ArrayBuffer> {
    return toArrayBuffer(hash(hashName(algorithm), toBuffer(data), "buffer"));
  },
  async importKey(
    format: string,
    data: BytesLike,
    algorithm: AlgorithmLike,
    extractable: boolean,
    usages: readonly string[],
  ): Promise<SimulatedKey> {
    if (format !== "raw") throw new Error(`no keys of format ${format} in the simulation`);
    return makeKey(Buffer.from(toBuffer(data)), algorithm, extractable, usages);
  },
  async exportKey(_format: string, key: SimulatedKey): Promise<ArrayBuffer> {
    return toArrayBuffer(materialOf(key).raw);
  },
  async deriveKey(
    how: { readonly hash: string; readonly salt: BytesLike; readonly info: BytesLike },
    master: SimulatedKey,
    algorithm: AlgorithmLike & { readonly length?: number },
    extractable: boolean,
    usages: readonly string[],
  ): Promise<SimulatedKey> {
    const bytes = (algorithm.length ?? 256) / 8;
    const raw = hkdfSync(hashName(how.hash), materialOf(master).object, toBuffer(how.salt), toBuffer(how.info), bytes);
    return makeKey(Buffer.from(raw), algorithm, extractable, usages);
  },
  async sign(_algorithm: AlgorithmLike, key: SimulatedKey, data: BytesLike): Promise<ArrayBuffer> {
    return toArrayBuffer(hmac(key, data));
  },
  async verify(_: AlgorithmLike, key: SimulatedKey, signature: BytesLike, data: BytesLike): Promise<boolean> {
    const [made, given] = [hmac(key, data), toBuffer(signature)];
    return made.byteLength === given.byteLength && timingSafeEqual(made, given);
  },
  async encrypt({ iv, additionalData }: GcmParameters, key: SimulatedKey, data: BytesLike): Promise<ArrayBuffer> {
    const cipher = createCipheriv(cipherOf(key), materialOf(key).object, toBuffer(iv));
    if (additionalData !== undefined) cipher.setAAD(toBuffer(additionalData));
    const sealed = [cipher.update(toBuffer(data)), cipher.final()];
    return toArrayBuffer(Buffer.concat([...sealed, cipher.getAuthTag()]));
  },
  async decrypt({ iv, additionalData }: GcmParameters, key: SimulatedKey, data: BytesLike): Promise<ArrayBuffer> {
    const sealed = toBuffer(data);
    const decipher = createDecipheriv(cipherOf(key), materialOf(key).object, toBuffer(iv));
    if (additionalData !== undefined) decipher.setAAD(toBuffer(additionalData));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return toArrayBuffer(Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]));
  },
  timingSafeEqual: (a: BytesLike, b: BytesLike): boolean => timingSafeEqual(toBuffer(a), toBuffer(b)),
};

/** `crypto` of one process. */
export interface SimulatedCrypto {
  readonly subtle: typeof subtle;
  getRandomValues<T extends ArrayBufferView>(array: T): T;
  randomUUID(): string;
}

/** `crypto` whose random values come from `random`. */
export function createCrypto(random: SeededRandom): SimulatedCrypto {
  return {
    subtle,
    getRandomValues<T extends ArrayBufferView>(array: T): T {
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      for (let at = 0; at < bytes.byteLength; at += 1) bytes[at] = random.integer(0, 255);
      return array;
    },
    randomUUID: () => random.uuid(),
  };
}

/** `crypto` of code that has no chance: what draws is `refuse`. */
export const createPureCrypto = (refuse: () => never): SimulatedCrypto => ({
  subtle,
  getRandomValues: refuse,
  randomUUID: refuse,
});

/** `createHash` of `node:crypto` for what is hashed at once: Node's object for a stream of data takes longer than most hashes. */
export function createQuickHash(algorithm: string): QuickHash {
  return new QuickHash(algorithm);
}

class QuickHash {
  readonly #algorithm: string;
  readonly #data: (string | Uint8Array)[] = [];

  constructor(algorithm: string) {
    this.#algorithm = algorithm;
  }

  update(data: string | Uint8Array): this {
    this.#data.push(data);
    return this;
  }

  digest(): Buffer;
  digest(encoding: BufferEncoding): string;
  digest(encoding?: BufferEncoding): Buffer | string {
    const [first = "", ...rest] = this.#data;
    const all = rest.length === 0 ? first : Buffer.concat(this.#data.map((each) => Buffer.from(each)));
    const made = hash(this.#algorithm, all, "buffer");
    return encoding === undefined ? made : made.toString(encoding);
  }
}
