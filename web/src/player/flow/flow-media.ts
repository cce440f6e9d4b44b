/** The media source of a flow player: one buffer a track, appended to as its media comes. */
import type { FlowItem, FlowMedia } from "../../../../core/delivery/flow/flow-splitter.ts";
import { TrackBuffer } from "./track-buffer.ts";

type MediaSourceClass = typeof MediaSource;

/** Media Source Extensions of this browser: on iPhones they are managed ones. Null without. */
export function mediaSourceClass(): MediaSourceClass | null {
  const { ManagedMediaSource, MediaSource } = globalThis as {
    ManagedMediaSource?: MediaSourceClass;
    MediaSource?: MediaSourceClass;
  };
  return ManagedMediaSource ?? MediaSource ?? null;
}

/** Callbacks of the media source. */
export interface FlowMediaListener {
  /** The browser can't play these tracks. */
  onUnsupported(): void;
  /** It refuses the media. */
  onFailure(): void;
}

/** See the file's first line. */
export class FlowMediaSource {
  readonly #video: HTMLVideoElement;
  readonly #source: MediaSource;
  readonly #isMuxed: boolean;
  readonly #url: string;
  readonly #listener: FlowMediaListener;
  readonly #buffers = new Map<FlowMedia["media"], TrackBuffer>();
  /** What waits for the source to open. */
  #waiting: (() => void)[] = [];
  #isOpen = false;
  #isEnding = false;
  #isClosed = false;

  /** `isMuxed`: one buffer takes all tracks. */
  constructor(video: HTMLVideoElement, source: MediaSourceClass, isMuxed: boolean, listener: FlowMediaListener) {
    this.#video = video;
    this.#isMuxed = isMuxed;
    this.#listener = listener;
    this.#source = new source();
    this.#url = URL.createObjectURL(this.#source);
    this.#source.addEventListener("sourceopen", () => this.#onOpen(), { once: true });
  }

  /** Gives the element this source. */
  attach(): void {
    // A managed source needs it: there is no other for AirPlay.
    if (this.#source.constructor.name === "ManagedMediaSource") this.#video.disableRemotePlayback = true;
    this.#video.src = this.#url;
  }

  /** Appends `items`, whose tracks have these codecs in the order video, audio. */
  append(items: readonly FlowItem[], codecs: readonly string[]): void {
    this.#whenOpen(() => {
      for (const item of items) {
        if (item.kind === "init" && !this.#useInit(item, codecs)) return;
        if (item.kind === "media") this.#buffers.get(this.#isMuxed ? "video" : item.media)?.append(item.bytes);
      }
    });
  }

  /**
   * Playback begins at `positionS`: called before the first media. The viewer may seek to what is before it, which another player
   * has.
   */
  begin(positionS: number): void {
    this.#whenOpen(() => {
      this.#video.currentTime = positionS;
      this.#source.setLiveSeekableRange(0, Math.max(0, positionS));
    });
  }

  /** Removes what lies far behind the playhead; called regularly. */
  evict(): void {
    // A removal would open a source again that has ended.
    if (this.#source.readyState !== "open") return;
    for (const buffer of this.#buffers.values()) buffer.evict();
    if (this.#isEnding) this.finish();
  }

  /** Nothing follows: the element ends after the last picture. */
  finish(): void {
    this.#isEnding = true;
    if (this.#source.readyState !== "open" || [...this.#buffers.values()].some(({ isIdle }) => !isIdle)) return;
    this.#isEnding = false;
    this.#source.endOfStream();
  }

  /** Takes the source off the element. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const buffer of this.#buffers.values()) buffer.close();
    URL.revokeObjectURL(this.#url);
    if (this.#video.src === this.#url) {
      this.#video.removeAttribute("src");
      this.#video.load();
    }
  }

  #onOpen(): void {
    if (this.#isClosed) return;
    this.#isOpen = true;
    this.#source.duration = Number.POSITIVE_INFINITY;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const task of waiting) task();
  }

  #whenOpen(task: () => void): void {
    if (this.#isClosed) return;
    // Its state is `open` some time before its event.
    if (!this.#isOpen) this.#waiting.push(task);
    else if (this.#source.readyState === "open") task();
  }

  /** False if the tracks can't be played. */
  #useInit({ tracks, bytes: whole }: FlowItem & { readonly kind: "init" }, codecs: readonly string[]): boolean {
    // In this order `codecs` names them.
    const ordered = tracks.toSorted((a, b) => Number(a.kind === "audio") - Number(b.kind === "audio"));
    const separate = ordered.map(({ kind, bytes }, i) => ({ kind, bytes, codecs: codecs[i] ?? "" }));
    const muxed = { kind: "video", bytes: whole, codecs: codecs.join(",") } as const;
    const typed = (this.#isMuxed ? [muxed] : separate).map((each) => ({
      ...each,
      mime: `${each.kind}/mp4; codecs="${each.codecs}"`,
    }));
    const { isTypeSupported } = this.#source.constructor as MediaSourceClass;
    const isSame = this.#buffers.size === 0 || typed.every(({ kind }) => this.#buffers.has(kind));
    if (typed.length === 0 || !isSame || !typed.every(({ mime }) => isTypeSupported(mime))) {
      this.#listener.onUnsupported();
      return false;
    }
    try {
      // All of them before the first media: a source that has begun takes no more.
      for (const { kind, mime } of typed) {
        if (this.#buffers.has(kind)) continue;
        const buffer = this.#source.addSourceBuffer(mime);
        const playheadS = (): number => this.#video.currentTime;
        this.#buffers.set(kind, new TrackBuffer(buffer, mime, playheadS, () => this.#listener.onFailure()));
      }
    } catch {
      this.#listener.onUnsupported();
      return false;
    }
    for (const { kind, mime, bytes } of typed) this.#buffers.get(kind)?.useInit(mime, bytes);
    return true;
  }
}
