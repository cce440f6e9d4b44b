/** What media-chrome requires of a media element beyond the standard: stream type, live edge, window and renditions. */
import { RenditionList } from "./renditions.ts";

/** Properties that change with the stream; numbers in seconds of the element's timeline. */
export interface MediaTraits {
  streamType: "live" | "on-demand" | "unknown";
  /** Playing at or after this counts as watching live; NaN if unknown. */
  liveEdgeStart: () => number;
  /** Length of the seekable window; 0 hides the time range. */
  targetLiveWindow: number;
}

/** The traits and renditions of an element, whichever player plays. */
export class MediaSurface {
  readonly renditions: RenditionList = new RenditionList((index) => this.#choose(index));
  readonly #video: HTMLVideoElement;
  #traits: MediaTraits = { streamType: "unknown", targetLiveWindow: 0, liveEdgeStart: () => Number.NaN };
  #choose: (index: number) => void = () => {};
  #announced = "";

  /** Adds them to `video`, where media-chrome expects them; they replace those of a surface before. */
  constructor(video: HTMLVideoElement) {
    this.#video = video;
    Object.defineProperties(video, {
      streamType: { configurable: true, get: () => this.#traits.streamType },
      liveEdgeStart: { configurable: true, get: () => this.#traits.liveEdgeStart() },
      targetLiveWindow: { configurable: true, get: () => this.#traits.targetLiveWindow },
      videoRenditions: { configurable: true, value: this.renditions },
    });
  }

  /** From now on the element has a player's `traits`; `choose` is called with the index that the menu selects, -1 for automatic. */
  use(traits: MediaTraits, choose: (index: number) => void): void {
    this.#traits = traits;
    this.#choose = choose;
    this.announce();
  }

  /** Called after a change of the traits. */
  announce(): void {
    const now = `${this.#traits.streamType} ${this.#traits.targetLiveWindow}`;
    if (now === this.#announced) return;
    this.#announced = now;
    this.#video.dispatchEvent(new Event("streamtypechange"));
    this.#video.dispatchEvent(new Event("targetlivewindowchange"));
  }
}
