/** Renews a viewer's token over its socket before it ends. Timers, clock and chance are passed in. */
import type { Renewed } from "./wire.ts";

/** What renewals need. */
export interface RenewalOptions {
  /** A token that is good for longer; null where there is none. */
  readonly getToken: () => Promise<string | null>;
  readonly after: (ms: number, work: () => void) => () => void;
  readonly random: () => number;
  readonly send: (token: string) => void;
}

/** Less is left of a token than a renewal takes: the socket is let close, and the next one comes with another token. */
const TOO_LATE_MS = 1_000;

/** The renewals of one client. */
export class Renewal {
  readonly #options: RenewalOptions;
  #serverNowMs: () => number = () => 0;
  #expiresMs = 0;
  #cancel: () => void = () => {};
  /** Answers to what was asked for before the latest stop are of no use. */
  #round = 0;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** The socket's token ends then (server's clock, ms since the epoch); null: there is none to renew. */
  holds(expiresMs: number | null, serverNowMs: () => number): void {
    this.stop();
    if (expiresMs === null) return;
    this.#expiresMs = expiresMs;
    this.#serverNowMs = serverNowMs;
    this.#plan();
  }

  /** The server's answer to the token that was sent. */
  answered(outcome: Renewed): void {
    if (outcome.ok) this.holds(outcome.expiresMs, this.#serverNowMs);
  }

  /** The socket is gone. */
  stop(): void {
    this.#round += 1;
    this.#cancel();
  }

  /** At a random moment of the last third of what is left; so tries that fail come closer together towards the end. */
  #plan(): void {
    const leftMs = this.#expiresMs - this.#serverNowMs();
    if (leftMs < TOO_LATE_MS) return;
    const round = this.#round;
    this.#cancel = this.#options.after(leftMs * (0.67 + 0.23 * this.#options.random()), () => {
      const send = (token: string | null): void => {
        if (round === this.#round && token !== null) this.#options.send(token);
      };
      this.#options.getToken().then(send, () => {});
      // The answer takes this plan back.
      this.#plan();
    });
  }
}
