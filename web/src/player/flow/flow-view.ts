/** A stream in a video element of any page, by flow alone: its status, its clock and its player, without the watch page. */
import type { Platform } from "../../../../core/kit/clock.ts";
import { systemPlatform } from "../../../../core/kit/system-platform.ts";
import type { FlowObstacle } from "../delay-choice.ts";
import { monitorMedia } from "../media-monitor.ts";
import { isMediaSourceSupported } from "../media-source.ts";
import { MediaSurface } from "../media-traits.ts";
import type { ViewerToken } from "../player.ts";
import type { RenditionList } from "../renditions.ts";
import { StatusPoller, type WatchStatus } from "../status.ts";
import { initialWatchView, reduceWatchView, type WatchEvent, type WatchView } from "../watch-state.ts";
import type { RenewalRange } from "./flow-options.ts";
import { FlowPlayer } from "./flow-player.ts";
import { FLOW_RENEWAL_MS } from "./flow-recovery.ts";

/** Where flow could not be, it is tried again after this long: nothing else plays meanwhile. */
const RETRY_MS = 5_000;

/** What a view needs. */
export interface FlowViewOptions {
  /** The element; it must be in the document. */
  readonly video: HTMLVideoElement;
  /** Origin of the edge, like `https://live.example`; empty: the page's own. */
  readonly edge: string;
  readonly stream: string;
  /** For streams that require a token; else nobody is asked. */
  readonly token?: ViewerToken;
  /** Called after each change of `view`. */
  readonly onChange?: (view: WatchView) => void;
  /** Flow can't be now. The view tries again, unless the browser can't at all; or close it, and play by LL-HLS. */
  readonly onObstacle?: (obstacle: FlowObstacle) => void;
  /** A response gets a successor after a time in this range; the edge ends responses after ten minutes. */
  readonly renewAfterMs?: RenewalRange;
  readonly platform?: Platform;
}

/** What plays now; seconds, null if unknown. */
export interface FlowViewReading {
  /** Wall clock minus program time at the playhead. */
  readonly delayS: number | null;
  /** What is on screen, e.g. `720p`. */
  readonly rendition: string | null;
  /** Program time at the playhead, milliseconds since the epoch. */
  readonly programTimeMs: number | null;
  readonly stalls: number;
}

const NO_TOKEN: ViewerToken = { token: null, expiresMs: null, renew: async () => false };

/** See the file's first line. */
export class FlowView {
  readonly #options: FlowViewOptions;
  readonly #platform: Platform;
  readonly #surface: MediaSurface;
  readonly #player: FlowPlayer;
  readonly #poller: StatusPoller;
  readonly #monitor: ReturnType<typeof monitorMedia>;
  #view: WatchView = initialWatchView(true);
  #cancelRetry: () => void = () => {};
  #isClosed = false;

  /** Whether this browser can play flow at all. */
  static isSupported(): boolean {
    return isMediaSourceSupported();
  }

  /** Begins at once. Throws where `isSupported()` is false. */
  constructor(options: FlowViewOptions) {
    if (!FlowView.isSupported()) throw new Error("this browser has no Media Source Extensions");
    const {
      video,
      edge,
      stream,
      token = NO_TOKEN,
      renewAfterMs = FLOW_RENEWAL_MS,
      platform = systemPlatform,
    } = options;
    this.#options = options;
    this.#platform = platform;
    this.#surface = new MediaSurface(video);
    const report = (event: WatchEvent): void => this.#dispatch(event);
    this.#player = new FlowPlayer({
      ...{
        video,
        edge,
        stream,
        platform,
        report,
        renewAfterMs,
        playbackToken: token,
        surface: this.#surface,
        early: null,
      },
      onObstacle: (obstacle) => this.#onObstacle(obstacle),
      onOver: () => this.#poller.pollSoon(),
      serverNowMs: () => this.#poller.serverNowMs(),
      onSwap: () => {},
      onStatus: (carried) => this.#poller.accept(carried),
    });
    this.#poller = new StatusPoller({
      url: `${edge}/api/streams/${stream}`,
      phase: () => this.#view.phase,
      onStatus: (status) => this.#onStatus(status),
      isResting: () => this.#view.phase === "live" && this.#player.carriesStatus,
      platform,
    });
    this.#monitor = monitorMedia(video, () => this.#player, report, platform.clock);
    this.#load();
    this.#poller.pollNow();
  }

  /** What a page shows: its phase, and whether the browser asks for a gesture before it plays (sound). */
  get view(): WatchView {
    return this.#view;
  }

  /** The renditions; `selectedIndex` chooses one, -1 lets the player choose. media-chrome's menus read them at the element. */
  get renditions(): RenditionList {
    return this.#surface.renditions;
  }

  /** What plays now. */
  read(): FlowViewReading {
    const { rendition, programTimeMs } = this.#player.read();
    const delayS = programTimeMs === null ? null : (this.#poller.serverNowMs() - programTimeMs) / 1000;
    return { delayS, rendition, programTimeMs, stalls: this.#monitor.read().stalls };
  }

  /** Back to the live edge, after a pause. */
  seekToLive(): void {
    this.#player.seekToLive();
  }

  /** Ends playback and all requests; the element is free. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.#poller.stop();
    this.#monitor.stop();
    this.#player.close();
  }

  /** A retry that waits would end what plays by then. */
  #load(): void {
    this.#cancelRetry();
    this.#player.load();
  }

  /** A poll may be under way when the view is closed. */
  #onStatus({ source, stop, tracks }: WatchStatus): void {
    if (this.#isClosed) return;
    const isLive = source.state === "live" || source.state === "reconnecting";
    this.#player.setBroadcast(isLive ? { broadcast: source.broadcast, tracks } : null);
    this.#dispatch({ type: "source", source, stop });
    if (this.#view.phase === "reconnecting" && source.state === "live") this.#player.retryNow();
  }

  #dispatch(event: WatchEvent): void {
    if (this.#isClosed) return;
    const before = this.#view;
    this.#view = reduceWatchView(before, event);
    if (this.#view === before) return;
    const { phase, loadCount } = this.#view;
    if (loadCount !== before.loadCount) this.#load();
    else if (phase !== before.phase && (phase === "waiting" || phase === "failed" || phase === "stopped")) {
      this.#cancelRetry();
      this.#player.stop();
    }
    if (phase !== before.phase && (phase === "reconnecting" || phase === "ended")) this.#poller.pollSoon();
    this.#options.onChange?.(this.#view);
  }

  #onObstacle(obstacle: FlowObstacle): void {
    this.#options.onObstacle?.(obstacle);
    // The host may have closed the view.
    if (this.#isClosed) return;
    // The past is another player's.
    if (obstacle === "behind") this.#load();
    else if (obstacle === "unsupported")
      this.#dispatch({ type: "failed", error: "This browser can’t play this stream by flow." });
    else {
      this.#player.stop();
      this.#cancelRetry();
      this.#cancelRetry = this.#platform.clock.startTimer(RETRY_MS, () => this.#load());
    }
  }
}
