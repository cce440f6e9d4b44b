/** Renews a viewer's token over its socket before it ends. Timers, clock and chance are passed in. */
import type { TokenRenewalOutcome } from "../room-protocol.ts";

/** What renewals need. */
export interface TokenRenewalOptions {
  /** A token that is good for longer; null where there is none. */
  readonly getToken: () => Promise<string | null>;
  readonly schedule: (ms: number, work: () => void) => () => void;
  readonly random: () => number;
  readonly send: (token: string) => void;
}

/** Less is left of a token than a renewal takes: the socket is let close, and the next one comes with another token. */
const MIN_REMAINING_MS = 1_000;

/** The renewals of one client. */
export class TokenRenewal {
  readonly #options: TokenRenewalOptions;
  #serverNowMs: () => number = () => 0;
  #expiresMs = 0;
  #cancel: () => void = () => {};
  /** Answers to what was asked for before the latest stop are of no use. */
  #generation = 0;

  constructor(options: TokenRenewalOptions) {
    this.#options = options;
  }

  /** The socket's token ends then (server's clock, ms since the epoch); null: there is none to renew. */
  start(expiresMs: number | null, serverNowMs: () => number): void {
    this.stop();
    if (expiresMs === null) return;
    this.#expiresMs = expiresMs;
    this.#serverNowMs = serverNowMs;
    this.#scheduleRenewal();
  }

  /** The server's answer to the token that was sent. */
  handleOutcome(outcome: TokenRenewalOutcome): void {
    if (outcome.ok) this.start(outcome.expiresMs, this.#serverNowMs);
  }

  /** The socket is gone. */
  stop(): void {
    this.#generation += 1;
    this.#cancel();
  }

  /** At a random moment of the last third of what is left; so tries that fail come closer together towards the end. */
  #scheduleRenewal(): void {
    const leftMs = this.#expiresMs - this.#serverNowMs();
    if (leftMs < MIN_REMAINING_MS) return;
    const round = this.#generation;
    this.#cancel = this.#options.schedule(leftMs * (0.67 + 0.23 * this.#options.random()), () => {
      const send = (token: string | null): void => {
        if (round === this.#generation && token !== null) this.#options.send(token);
      };
      this.#options.getToken().then(send, () => {});
      // The answer takes this plan back.
      this.#scheduleRenewal();
    });
  }
}
