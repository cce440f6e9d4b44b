/** One player for the page out of two: flow where the viewer wants the least delay and it can be, else LL-HLS. */
import type { Platform } from "../../../core/kit/clock.ts";
import {
  type DelayChoice,
  type DelayWish,
  type FlowObstacle,
  initialDelayChoice,
  isFlowChosen,
  withDelayWish,
  withFlowObstacle,
  withFlowReturn,
  withNetworkBack,
  withNewBroadcast,
} from "./delay-choice.ts";
import type { PlayerReading, StreamPlayer } from "./player.ts";
import type { WatchStatus, WatchTrack } from "./status.ts";

/** A live broadcast, as the API names it. */
export interface FlowBroadcast {
  readonly broadcast: string;
  readonly tracks: readonly WatchTrack[];
}

/** The player of flow, as far as the switch needs it. */
export interface FastestPlayer extends StreamPlayer {
  /** Whether it was loaded and waits for a broadcast. */
  readonly isWaiting: boolean;
  /** Whether its media bring the stream's status. */
  readonly carriesStatus: boolean;
  /** What is live; null: nothing. A player that waits begins. */
  setBroadcast(broadcast: FlowBroadcast | null): void;
}

/** The player of LL-HLS, as far as the switch needs it. */
export interface SmoothPlayer extends StreamPlayer {
  /** Whether the viewer follows the live edge. */
  readonly isAtLiveEdge?: boolean;
  /** Loads the stream and goes back to a program time, milliseconds since the epoch. */
  loadAt?(programTimeMs: number): void;
}

/** What the switch needs. */
export interface DelaySwitchOptions {
  readonly smooth: SmoothPlayer;
  /** Makes the player of flow; null where flow can't be. */
  readonly makeFlow:
    | ((onObstacle: (obstacle: FlowObstacle, programTimeMs: number | null) => void) => FastestPlayer)
    | null;
  readonly wish: DelayWish;
  readonly platform: Platform;
  /** Called before one player takes over from the other while it plays. */
  readonly onSwitch: () => void;
  /** Called after each change of the choice. */
  readonly onChange: () => void;
}

/** What the delay menu shows; seconds, null if unknown. */
export interface DelayReading {
  readonly choice: DelayChoice;
  readonly isFlow: boolean;
  readonly fastestS: number | null;
  readonly smoothS: number | null;
}

/** LL-HLS holds back this many part targets, flow about one and its reserve. */
const HOLD_BACK_PARTS = 3;
const FLOW_RESERVE_S = 0.12;

/** See the file's first line. */
export class DelaySwitch implements StreamPlayer {
  readonly #options: DelaySwitchOptions;
  #choice: DelayChoice;
  readonly #flow: FastestPlayer | null;
  /** The page wants the stream. */
  #isLoaded = false;
  /** Which of the two has it. */
  #loaded: "smooth" | "flow" | null = null;
  #broadcast: FlowBroadcast | null = null;
  #isEnded = false;
  #jitter = 0;

  constructor(options: DelaySwitchOptions) {
    this.#options = options;
    const { makeFlow, wish } = options;
    this.#choice = initialDelayChoice(wish, makeFlow !== null);
    this.#flow = makeFlow?.((obstacle, programTimeMs) => this.#onObstacle(obstacle, programTimeMs)) ?? null;
  }

  get isFlow(): boolean {
    return this.#loaded === "flow";
  }

  /** Whether the media bring the stream's status. */
  get carriesStatus(): boolean {
    return this.#loaded === "flow" && (this.#flow?.carriesStatus ?? false);
  }

  /** What stands against flow, if the viewer wants it. */
  get flowObstacle(): FlowObstacle | null {
    return this.#choice.wish === "fastest" ? this.#choice.obstacle : null;
  }

  get isRecording(): boolean {
    return this.#active.isRecording;
  }

  /** The viewer's choice. */
  choose(wish: DelayWish): void {
    this.#set(withDelayWish(this.#choice, wish));
  }

  /** The API's answer, before the page acts on it. */
  setStatus({ source, tracks }: WatchStatus): void {
    const broadcast = source.state === "none" ? null : source.broadcast;
    this.#isEnded = source.state === "ended";
    const isNew = broadcast !== null && broadcast !== this.#broadcast?.broadcast;
    this.#broadcast = broadcast === null || this.#isEnded ? null : { broadcast, tracks };
    if (isNew && !this.#isEnded) this.#choice = withNewBroadcast(this.#choice);
    // One that plays takes another broadcast when the page loads it.
    if (!this.#isEnded) this.#flow?.setBroadcast(this.#broadcast);
    else if (this.#loaded === "flow" && this.#flow?.isWaiting === true) this.#onObstacle("recording", null);
  }

  load(): void {
    this.#isLoaded = true;
    if (this.#isEnded && isFlowChosen(this.#choice)) {
      this.#choice = withFlowObstacle(this.#choice, "recording", this.#nowMs());
      this.#options.onChange();
    }
    this.#loadChosen();
  }

  stop(): void {
    this.#isLoaded = false;
    this.#loaded = null;
    this.#flow?.stop();
    this.#options.smooth.stop();
  }

  retryNow(): void {
    this.#active.retryNow();
  }

  /** The network is there again: what it stood against flow is over. */
  onOnline(): void {
    const next = withNetworkBack(this.#choice);
    if (next === this.#choice) this.#active.retryNow();
    else this.#set(next);
  }

  seekToLive(): void {
    // Back from where the viewer had gone: what stood against flow is over.
    if (this.#choice.obstacle === "behind") this.#set({ ...this.#choice, obstacle: null });
    else this.#active.seekToLive();
  }

  tick(nowMs: number): void {
    this.#active.tick(nowMs);
    if (this.#loaded !== "smooth" || this.#choice.obstacle === null) return;
    const { smooth } = this.#options;
    const videos = this.#broadcast?.tracks.filter(({ kind }) => kind === "video") ?? [];
    const next = withFlowReturn(this.#choice, {
      nowMs,
      isAtLiveEdge: this.#broadcast !== null && (smooth.isAtLiveEdge ?? false),
      bandwidth: smooth.read().bandwidth,
      lowestBandwidth: videos.length === 0 ? null : Math.min(...videos.map(({ bandwidth }) => bandwidth)),
      jitter: this.#jitter,
    });
    if (next !== this.#choice) this.#set(next);
  }

  onStall(nowMs: number): void {
    this.#active.onStall(nowMs);
  }

  read(): PlayerReading {
    return this.#active.read();
  }

  /** Delays of both choices, from the one that plays; `delayS` is its delay. */
  readDelays(delayS: number | null): DelayReading {
    const { isFlow } = this;
    const { edgeDistanceS } = this.read();
    const partS = (this.#broadcast?.tracks.find(({ kind }) => kind === "video")?.partTargetMs ?? Number.NaN) / 1000;
    // What both have in common: the age of the newest media.
    const edgeAgeS = delayS === null || edgeDistanceS === null ? null : Math.max(0, delayS - edgeDistanceS);
    const otherS = edgeAgeS === null ? null : edgeAgeS + (isFlow ? HOLD_BACK_PARTS * partS : partS + FLOW_RESERVE_S);
    const other = otherS === null || Number.isNaN(otherS) ? null : otherS;
    const [fastestS, smoothS] = isFlow ? [delayS, other] : [other, delayS];
    return { choice: this.#choice, isFlow, fastestS, smoothS };
  }

  get #active(): StreamPlayer {
    return this.#loaded === "flow" && this.#flow !== null ? this.#flow : this.#options.smooth;
  }

  #nowMs(): number {
    return this.#options.platform.clock.monotonicMs();
  }

  #set(choice: DelayChoice): void {
    this.#choice = choice;
    const wanted = isFlowChosen(choice) ? "flow" : "smooth";
    if (this.#isLoaded && this.#loaded !== null && this.#loaded !== wanted) {
      this.#options.onSwitch();
      this.#loadChosen();
    }
    this.#options.onChange();
  }

  #loadChosen(programTimeMs: number | null = null): void {
    const { smooth } = this.#options;
    if (isFlowChosen(this.#choice)) {
      if (this.#loaded === "smooth") smooth.stop();
      this.#loaded = "flow";
      this.#flow?.load();
      return;
    }
    if (this.#loaded === "flow") this.#flow?.stop();
    this.#loaded = "smooth";
    if (programTimeMs === null || smooth.loadAt === undefined) smooth.load();
    else smooth.loadAt(programTimeMs);
  }

  #onObstacle(obstacle: FlowObstacle, programTimeMs: number | null): void {
    this.#jitter = this.#options.platform.random();
    this.#choice = withFlowObstacle(this.#choice, obstacle, this.#nowMs());
    if (this.#loaded === "flow") {
      this.#options.onSwitch();
      this.#loadChosen(programTimeMs);
    }
    this.#options.onChange();
  }
}
