/**
 * The server's side of the plain handshake (RTMP 1.0, section 5.2). Encoders that put a digest into C1 ask for one in
 * return only from servers whose S1 carries a version: this one's is zero, so they fall back to the plain handshake.
 */
import { concatBytes } from "../../kit/bytes.ts";
import type { Random } from "../../kit/clock.ts";
import { RtmpError } from "./rtmp-error.ts";

/** Bytes of C1, S1, C2 and S2. */
export const HANDSHAKE_BYTES = 1_536;
/** The protocol's version. */
export const RTMP_VERSION = 3;

/** Reads C0, C1 and C2. Throws `RtmpError` on another protocol. */
export class ServerHandshake {
  readonly #random: Random;
  readonly #client = new Uint8Array(HANDSHAKE_BYTES);
  #received = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Whether C2 is complete. */
  get isComplete(): boolean {
    return this.#received === 1 + 2 * HANDSHAKE_BYTES;
  }

  /** Reads the next bytes: what to send now, and the bytes after the handshake. */
  read(bytes: Uint8Array): { readonly send: Uint8Array | null; readonly rest: Uint8Array } {
    const used = Math.min(bytes.length, 1 + 2 * HANDSHAKE_BYTES - this.#received);
    if (this.#received === 0 && used > 0 && bytes[0] !== RTMP_VERSION) {
      throw new RtmpError(`The first byte ${bytes[0]} does not begin an RTMP handshake.`);
    }
    // C2 echoes S1; senders that fill it with zeros are common, so it is not compared.
    const first = this.#received - 1;
    const c1 = bytes.subarray(Math.max(0, -first), Math.max(0, Math.min(used, HANDSHAKE_BYTES - first)));
    this.#client.set(c1, Math.min(HANDSHAKE_BYTES, Math.max(0, first)));
    const before = this.#received;
    this.#received += used;
    const isAnswerDue = before < 1 + HANDSHAKE_BYTES && this.#received >= 1 + HANDSHAKE_BYTES;
    return { send: isAnswerDue ? this.#answer() : null, rest: bytes.subarray(used) };
  }

  /** S0, S1 and S2. */
  #answer(): Uint8Array {
    const s1 = new Uint8Array(HANDSHAKE_BYTES);
    // Time and version are zero.
    for (let at = 8; at < HANDSHAKE_BYTES; at++) s1[at] = Math.floor(this.#random() * 256);
    return concatBytes([new Uint8Array([RTMP_VERSION]), s1, this.#client]);
  }
}
