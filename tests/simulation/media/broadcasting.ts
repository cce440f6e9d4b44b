/** The publishers of a stream over a run: one on air, another after it where it ends, and rivals. */
import type { MediaWorld } from "./media-world.ts";
import { type PublisherOptions, PublisherProcess } from "./publisher-process.ts";

/** A new publisher follows one that ended before its time within this. */
const RESTART_MS = { min: 500, max: 4_000 } as const;

/**
 * Why a publisher may give up at any time: the stream was stopped, or the edge could not be reached for too long. And once a
 * key was revoked, since its publisher is refused.
 */
const ALLOWED_FAILURE = /was stopped|does not answer|did not take the end/;
const REVOKED_FAILURE = /\b40[13]\b/;
/** Why it may give up where another one has published the stream: it was replaced, or it found the other one live. */
const REPLACED_FAILURE = /410|Another publisher is live/;

/** The publishers of one stream. */
export class Broadcasting {
  readonly #options: Omit<PublisherOptions, "onFailure">;
  #lives = 0;
  #current: PublisherProcess | null = null;
  #isOver = false;
  #isRestarting = false;
  /** Of the publishers that start from now on. */
  #key: string;
  #hasRevokedKeys = false;
  /** Publishers that gave up, with what they said. */
  readonly failures: string[] = [];

  constructor(options: Omit<PublisherOptions, "onFailure">) {
    this.#options = options;
    this.#key = options.key;
  }

  get stream(): string {
    return this.#options.stream;
  }

  /** The publisher that is to be on air. */
  get current(): PublisherProcess | null {
    return this.#current;
  }

  /** Starts the first publisher. */
  start(): void {
    this.#isRestarting = false;
    if (this.#isOver) return;
    const publisher = this.#create(() => {
      if (this.#current === publisher) this.#restart();
    });
    this.#current = publisher;
    void publisher.run();
  }

  /** The process on air is killed, and another one follows. */
  killCurrent(): void {
    this.#current?.kill();
    this.#restart();
  }

  /** The operator revokes the stream's keys and issues another one, with which another publisher follows. */
  async replaceKey(world: MediaWorld): Promise<void> {
    const { stream } = this.#options;
    this.#hasRevokedKeys = true;
    await world.administer({ method: "DELETE", path: `/api/streams/${stream}/keys` });
    this.#key = await world.issueKey(stream);
    this.killCurrent();
  }

  /** Another process publishes the same stream for a while, or tries to. */
  startRival(durationMs: number): void {
    const rival = this.#create(() => {});
    void rival.run();
    this.#options.simulation.after(durationMs, () => rival.kill());
  }

  /** Ends the broadcast on air, and starts no other one. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#current?.end();
  }

  #restart(): void {
    this.#current = null;
    if (this.#isRestarting) return;
    this.#isRestarting = true;
    const { simulation } = this.#options;
    const random = simulation.random.fork(`restart ${this.#lives}`);
    simulation.after(random.integer(RESTART_MS.min, RESTART_MS.max), () => this.start());
  }

  #create(onFailure: () => void): PublisherProcess {
    this.#lives += 1;
    const { simulation } = this.#options;
    return new PublisherProcess(
      {
        ...this.#options,
        key: this.#key,
        onFailure: (message) => {
          this.failures.push(message);
          const isReplaced = this.#lives > 1 && REPLACED_FAILURE.test(message);
          const isRevoked = this.#hasRevokedKeys && REVOKED_FAILURE.test(message);
          if (!isReplaced && !isRevoked && !ALLOWED_FAILURE.test(message)) simulation.fail("publisher", message);
          onFailure();
        },
      },
      this.#lives,
    );
  }
}
