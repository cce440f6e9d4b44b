/** Handshake cookies: they prove that a caller receives at its address, and the listener keeps nothing of them. */
import type { SrtCrypto } from "./crypto.ts";
import { SRT_LIMITS } from "./limits.ts";
import { viewOf } from "./packet.ts";

/** A caller's UDP address. */
export interface SrtPeer {
  readonly address: string;
  readonly port: number;
}

/** Makes and checks cookies with a secret of this listener. */
export class CookieJar {
  readonly #crypto: SrtCrypto;
  readonly #secret: Uint8Array;

  /** `secret`: 32 random bytes. */
  constructor(crypto: SrtCrypto, secret: Uint8Array) {
    this.#crypto = crypto;
    this.#secret = secret;
  }

  /** The cookie of a caller in the window of `nowMs`: 32 bits. */
  issue(peer: SrtPeer, nowMs: number): number {
    return this.#compute(peer, Math.floor(nowMs / SRT_LIMITS.cookieWindowMs));
  }

  /** Whether the cookie was issued to this caller in this window or the one before. */
  isValid(peer: SrtPeer, cookie: number, nowMs: number): boolean {
    const window = Math.floor(nowMs / SRT_LIMITS.cookieWindowMs);
    return cookie === this.#compute(peer, window) || cookie === this.#compute(peer, window - 1);
  }

  #compute({ address, port }: SrtPeer, window: number): number {
    const digest = this.#crypto.hmacSha256(this.#secret, new TextEncoder().encode(`${address} ${port} ${window}`));
    return viewOf(digest).getUint32(0);
  }
}
