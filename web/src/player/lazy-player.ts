/** A player whose code is loaded when it is first wanted. */
import { backoffMs } from "../../../core/kit/backoff.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import type { SmoothPlayer } from "./delay-switch.ts";
import type { PlayerReading } from "./player.ts";

/** Code that did not come is requested again. */
const RETRY = { firstMs: 500, maxMs: 8_000 } as const;

const NOTHING: PlayerReading = {
  ...{ rendition: null, targetS: null, programTimeMs: null, bandwidth: null, edgeDistanceS: null },
};

/** See the file's first line. */
export class LazyPlayer implements SmoothPlayer {
  readonly #importPlayer: () => Promise<SmoothPlayer>;
  readonly #platform: Platform;
  #player: SmoothPlayer | null = null;
  /** What to do with the player once it has come. */
  #wanted: ((player: SmoothPlayer) => void) | null = null;
  #isImporting = false;
  #failures = 0;

  constructor(importPlayer: () => Promise<SmoothPlayer>, platform: Platform) {
    this.#importPlayer = importPlayer;
    this.#platform = platform;
  }

  get isRecording(): boolean {
    return this.#player?.isRecording ?? false;
  }

  get isAtLiveEdge(): boolean {
    return this.#player?.isAtLiveEdge ?? false;
  }

  load(): void {
    this.#want((player) => player.load());
  }

  loadAt(programTimeMs: number): void {
    this.#want((player) => (player.loadAt === undefined ? player.load() : player.loadAt(programTimeMs)));
  }

  stop(): void {
    this.#wanted = null;
    this.#player?.stop();
  }

  retryNow(): void {
    this.#player?.retryNow();
  }

  seekToLive(): void {
    this.#player?.seekToLive();
  }

  tick(nowMs: number): void {
    this.#player?.tick(nowMs);
  }

  onStall(nowMs: number): void {
    this.#player?.onStall(nowMs);
  }

  read(): PlayerReading {
    return this.#player?.read() ?? NOTHING;
  }

  #want(task: (player: SmoothPlayer) => void): void {
    if (this.#player !== null) {
      task(this.#player);
      return;
    }
    this.#wanted = task;
    this.#import();
  }

  #import(): void {
    if (this.#isImporting) return;
    this.#isImporting = true;
    this.#importPlayer().then(
      (player) => {
        this.#player = player;
        this.#wanted?.(player);
        this.#wanted = null;
      },
      () => {
        this.#isImporting = false;
        this.#failures += 1;
        this.#platform.clock.startTimer(backoffMs(this.#failures, RETRY, this.#platform.random), () => {
          if (this.#wanted !== null) this.#import();
        });
      },
    );
  }
}
