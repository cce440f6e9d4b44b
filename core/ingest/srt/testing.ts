/** A sender of SRT for tests: calls, encrypts, sends, and answers loss reports and acknowledgements. */
import { concatBytes } from "../../kit/bytes.ts";
import type { SrtCrypto } from "./crypto.ts";
import {
  encodeHandshake,
  HANDSHAKE_EXTENSION,
  HANDSHAKE_TYPE,
  parseHandshake,
  reverseWords,
  type SrtHandshake,
} from "./handshake.ts";
import { makeCounter } from "./key-material.ts";
import { encodeControlPacket, parseSrtPacket, SRT_CONTROL, type SrtControlPacket, viewOf } from "./packet.ts";
import { sequenceDistance, wrapSequence } from "./sequence.ts";

/** What a test sender says in its handshake. */
export interface TestSenderOptions {
  readonly crypto: SrtCrypto;
  /** RFC 3394. */
  readonly wrapKey: (keyEncryptingKey: Uint8Array, keys: Uint8Array) => Uint8Array;
  readonly streamId: string | null;
  /** Null: no encryption. */
  readonly passphrase: string | null;
  readonly socketId?: number;
  readonly initialSequence?: number;
  readonly keyBytes?: 16 | 24 | 32;
  readonly latencyMs?: number;
  /** Flags of the handshake extension. */
  readonly flags?: number;
  readonly extraExtensions?: readonly { readonly type: number; readonly content: Uint8Array }[];
}

/** Bytes that differ from each other by `seed`. */
export function patternBytes(byteLength: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: byteLength }, (_, at) => (seed * 31 + at * 7 + (at >> 8)) & 255);
}

/** One caller. Times are microseconds of its own clock. */
export class TestSrtSender {
  readonly #options: TestSenderOptions;
  readonly #salt = patternBytes(16, 5);
  readonly #keys: { 1: Uint8Array; 2: Uint8Array };
  readonly #sent = new Map<number, Uint8Array>();
  readonly socketId: number;
  /** The listener's socket id, after the handshake. */
  peerSocketId = 0;
  /** Key flags of the next packets. */
  keyFlags: 0 | 1 | 2 | 3 = 1;
  #next: number;

  constructor(options: TestSenderOptions) {
    const { keyBytes = 16, socketId = 77, initialSequence = 1_000, passphrase } = options;
    this.#options = options;
    this.#keys = { 1: patternBytes(keyBytes, 11), 2: patternBytes(keyBytes, 12) };
    this.socketId = socketId;
    this.#next = initialSequence;
    if (passphrase === null) this.keyFlags = 0;
  }

  /** The first handshake. */
  makeInduction(): Uint8Array {
    return this.#makeHandshake(HANDSHAKE_TYPE.induction, 4, 0, []);
  }

  /** The second handshake, with the cookie of the answer to the first. */
  makeConclusion(answer: Uint8Array, version = 5): Uint8Array {
    const { streamId, passphrase, latencyMs = 120, flags = 0xbf, extraExtensions = [] } = this.#options;
    const cookie = this.readHandshake(answer)?.cookie ?? 0;
    const request = new Uint8Array(12);
    viewOf(request).setUint32(0, 0x01_05_01);
    viewOf(request).setUint32(4, flags);
    viewOf(request).setUint16(8, latencyMs);
    viewOf(request).setUint16(10, latencyMs);
    const extensions = [{ type: HANDSHAKE_EXTENSION.request, content: request as Uint8Array }, ...extraExtensions];
    if (passphrase !== null)
      extensions.push({ type: HANDSHAKE_EXTENSION.keyRequest, content: this.makeKeyMaterial(1) });
    if (streamId !== null) {
      extensions.push({
        type: HANDSHAKE_EXTENSION.streamId,
        content: reverseWords(new TextEncoder().encode(streamId)),
      });
    }
    return this.#makeHandshake(HANDSHAKE_TYPE.conclusion, version, cookie, extensions);
  }

  /** The handshake in a packet of the listener. */
  readHandshake(bytes: Uint8Array): SrtHandshake | null {
    const packet = parseSrtPacket(bytes);
    return packet?.kind === "control" ? parseHandshake(packet.body) : null;
  }

  /** A key-material message: `keyFlags` 1 even, 2 odd, 3 both. */
  makeKeyMaterial(keyFlags: 1 | 2 | 3): Uint8Array {
    const { crypto, wrapKey, passphrase, keyBytes = 16 } = this.#options;
    const secret = new TextEncoder().encode(passphrase ?? "");
    const keyEncryptingKey = crypto.pbkdf2Sha1(secret, this.#salt.subarray(8), 2_048, keyBytes);
    const keys = keyFlags === 3 ? concatBytes([this.#keys[1], this.#keys[2]]) : this.#keys[keyFlags];
    const header = Uint8Array.of(0x12, 0x20, 0x29, keyFlags, 0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 4, keyBytes / 4);
    return concatBytes([header, this.#salt, wrapKey(keyEncryptingKey, keys)]);
  }

  /** Announces keys on an open connection. */
  makeKeyRefresh(keyFlags: 1 | 2 | 3, timestampUs: number): Uint8Array {
    const body = this.makeKeyMaterial(keyFlags);
    return this.makeControl(SRT_CONTROL.userDefined, timestampUs, { subtype: HANDSHAKE_EXTENSION.keyRequest, body });
  }

  /** A data packet with the next sequence number; it is kept until it is acknowledged. */
  makeData(payload: Uint8Array, timestampUs: number): Uint8Array {
    const sequence = wrapSequence(this.#next);
    this.#next += 1;
    const key = this.keyFlags === 1 || this.keyFlags === 2 ? this.#keys[this.keyFlags] : null;
    const counter = makeCounter(this.#salt, sequence);
    const bytes = new Uint8Array(16 + payload.byteLength);
    const view = viewOf(bytes);
    view.setUint32(0, sequence);
    view.setUint32(4, 0xe000_0000 + this.keyFlags * 2 ** 27 + (sequence & 0x3ff_ffff));
    view.setUint32(8, timestampUs);
    view.setUint32(12, this.peerSocketId);
    bytes.set(key === null ? payload : this.#options.crypto.applyAesCtr(key, counter, payload), 16);
    this.#sent.set(sequence, bytes);
    return bytes;
  }

  /** Numbers the next packet as if `count` others had been sent. */
  skip(count: number): void {
    this.#next += count;
  }

  /** A control packet to the listener's socket. */
  makeControl(
    type: number,
    timestampUs: number,
    {
      subtype = 0,
      info = 0,
      body = new Uint8Array(0),
    }: Partial<Pick<SrtControlPacket, "subtype" | "info" | "body">> = {},
  ): Uint8Array {
    return encodeControlPacket({ type, subtype, info, timestampUs, socketId: this.peerSocketId, body });
  }

  /** Takes a packet of the listener. Returns the packets that it asks for. */
  receive(bytes: Uint8Array, timestampUs: number): Uint8Array[] {
    const packet = parseSrtPacket(bytes);
    if (packet?.kind !== "control") return [];
    const words = Array.from({ length: packet.body.byteLength >> 2 }, (_, at) => viewOf(packet.body).getUint32(4 * at));
    if (packet.type === SRT_CONTROL.acknowledge) {
      for (const sequence of this.#sent.keys()) {
        if (sequenceDistance(sequence, words[0] ?? 0) > 0) this.#sent.delete(sequence);
      }
      return words.length > 1
        ? [this.makeControl(SRT_CONTROL.acknowledgeReceipt, timestampUs, { info: packet.info })]
        : [];
    }
    if (packet.type !== SRT_CONTROL.lossReport) return [];
    return listLosses(words).flatMap((sequence) => {
      const sent = this.#sent.get(sequence);
      if (sent === undefined) return [];
      const again = sent.slice();
      again[4] = (again[4] ?? 0) | 4;
      return [again];
    });
  }

  #makeHandshake(
    type: number,
    version: number,
    cookie: number,
    extensions: readonly { readonly type: number; readonly content: Uint8Array }[],
  ): Uint8Array {
    const body = encodeHandshake({
      version,
      encryption: 0,
      extensionField: 2,
      initialSequence: this.#next,
      maxPacketBytes: 1_500,
      flowWindow: 8_192,
      type,
      socketId: this.socketId,
      cookie,
      extensions,
    });
    return encodeControlPacket({ type: SRT_CONTROL.handshake, subtype: 0, info: 0, timestampUs: 0, socketId: 0, body });
  }
}

/** The sequence numbers of a loss report's words. */
export function listLosses(words: readonly number[]): number[] {
  const sequences: number[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? 0;
    const first = word & 0x7fff_ffff;
    const last = word >= 2 ** 31 ? (words[at + 1] ?? first) : first;
    if (word >= 2 ** 31) at += 1;
    for (let left = sequenceDistance(first, last), next = first; left >= 0; left -= 1, next = wrapSequence(next + 1)) {
      sequences.push(next);
    }
  }
  return sequences;
}
