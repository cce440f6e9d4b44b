/** Renews a viewer's token over its socket before the token expires. */
import type { Clock, Random } from "../../kit/clock.ts";
import type { TokenRenewalOutcome } from "../room-protocol.ts";

/** What renewals run on. */
export interface TokenRenewalOptions {
  /** The viewer's latest token; null without one. */
  readonly getToken: () => Promise<string | null>;
  readonly clock: Clock;
  readonly random: Random;
  readonly send: (token: string) => void;
}

/** A token that expires sooner is not renewed: the socket closes, and the next connection uses another token. */
const MIN_REMAINING_MS = 1_000;

/** The renewals of one client. */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions;
  #serverNowMs: () => number = () => 0;
  #expiresMs = 0;
  #cancel: () => void = () => {};
  /** Counts stops; tokens requested before the last one are dropped. */
  #generation = 0;

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
  }

  /** Renews a token that expires at `expiresMs` (server's clock, ms since the epoch); null: nothing to renew. */
  start(expiresMs: number | null, serverNowMs: () => number): void {
    this.stop();
    if (expiresMs === null) return;
    this.#expiresMs = expiresMs;
    this.#serverNowMs = serverNowMs;
    this.#scheduleRenewal();
  }

  /** Handles the server's answer to a sent token. */
  handleOutcome(outcome: TokenRenewalOutcome): void {
    if (outcome.ok) this.start(outcome.expiresMs, this.#serverNowMs);
  }

  /** Cancels renewals; the socket is closed. */
  stop(): void {
    this.#generation += 1;
    this.#cancel();
  }

  /** Picks a random time in the last third of the remaining lifetime, so retries become denser towards the end. */
  #scheduleRenewal(): void {
    const remainingMs = this.#expiresMs - this.#serverNowMs();
    if (remainingMs < MIN_REMAINING_MS) return;
    const { getToken, clock, random } = this.#options;
    const generation = this.#generation;
    this.#cancel = clock.startTimer(remainingMs * (0.67 + 0.23 * random()), () => {
      const send = (token: string | null): void => {
        if (generation === this.#generation && token !== null) this.#options.send(token);
      };
      getToken().then(send, () => {});
      // The server's answer cancels this retry.
      this.#scheduleRenewal();
    });
  }
}
