/** The frames of the part that is being made, passed on as they come from the encoder while somebody listens. */
import type { ChunkSource } from "../../../core/ingest/publisher/chunk-sender.ts";
import type { SeededRandom } from "../kernel/seeded-random.ts";
import type { BroadcastFrames } from "./broadcast-frames.ts";
import type { PartPlan } from "./broadcast-source.ts";
import type { PublishedBroadcast } from "./ledger.ts";

type Listener = Parameters<ChunkSource["passChunksTo"]>[0];

/** Of parts, so many are complete only once their last frames have been passed on. */
const LAST_FRAMES_SHARE = 0.5;

/** See the file's first line. */
export class FrameSource implements ChunkSource {
  readonly #frames: BroadcastFrames;
  readonly #broadcast: PublishedBroadcast;
  readonly #random: SeededRandom;
  readonly #nowMs: () => number;
  #listener: Listener = null;
  /** The part whose frames are passed on, from its first one. */
  #plan: PartPlan | null = null;
  /** Frames of it that were passed on, by track. */
  readonly #passed = new Map<string, number>();

  constructor(options: {
    readonly frames: BroadcastFrames;
    readonly broadcast: PublishedBroadcast;
    readonly random: SeededRandom;
    readonly nowMs: () => number;
  }) {
    this.#frames = options.frames;
    this.#broadcast = options.broadcast;
    this.#random = options.random;
    this.#nowMs = options.nowMs;
  }

  passChunksTo(listener: Listener): void {
    this.#listener = listener;
  }

  /** Whether frames of parts that begin now are passed on. */
  get isWanted(): boolean {
    return this.#listener !== null;
  }

  /** Whether frames of the open part were passed on: it has come, and is no gap. */
  get hasPassed(): boolean {
    return this.#passed.size > 0;
  }

  /** A part begins. */
  begin(plan: PartPlan): void {
    this.#plan = plan;
    this.#passed.clear();
  }

  /** Passes on what the encoder has made until `elapsedMs` after the part began. */
  pass(elapsedMs: number): void {
    const plan = this.#plan;
    if (plan === null) return;
    for (const { name } of this.#broadcast.config.tracks) {
      const frames = Math.min(this.#frames.countOf(name), Math.floor(elapsedMs / this.#frames.frameMs(name) + 1e-6));
      for (let frame = this.#passed.get(name) ?? 0; frame < frames && this.#listener !== null; frame += 1) {
        this.#passed.set(name, frame + 1);
        this.#broadcast.passFrame(name, plan, this.#nowMs());
        this.#listener(this.#frames.chunk(name, plan, frame));
      }
    }
  }

  /** The part is complete. */
  complete(): void {
    if (this.hasPassed && this.#random.chance(LAST_FRAMES_SHARE)) this.pass(Number.POSITIVE_INFINITY);
    this.#plan = null;
    this.#passed.clear();
  }
}
