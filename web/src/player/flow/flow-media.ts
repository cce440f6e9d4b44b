/** The media source of a flow player: one buffer a track, appended to as its media comes. */
import type { FlowItem, FlowMedia } from "../../../../core/delivery/flow/flow-splitter.ts";
import type { MediaSourceClass } from "../media-source.ts";
import { TrackBuffer } from "./track-buffer.ts";

/** Callbacks of the media source. */
export interface FlowMediaListener {
  /** The browser can't play these tracks. */
  onUnsupported(): void;
  /** It refuses the media. */
  onFailure(): void;
  /** It takes media again, of which some were left out: a join follows. */
  onHole(): void;
}

/** Tasks that wait for the source to open, and for a managed one to take media: some seconds of parts. */
const MAX_WAITING = 200;

/** What iPhones add: the browser tells when it takes media, to save power. */
type ManagedSource = MediaSource & { readonly streaming?: boolean };

/** See the file's first line. */
export class FlowMediaSource {
  readonly #video: HTMLVideoElement;
  readonly #source: ManagedSource;
  readonly #isMuxed: boolean;
  readonly #url: string;
  readonly #listener: FlowMediaListener;
  readonly #buffers = new Map<FlowMedia["media"], TrackBuffer>();
  /** What waits for the source to open, and to take media. */
  #waiting: (() => void)[] = [];
  #hasHole = false;
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
    this.#source.addEventListener("startstreaming", () => this.#onReady());
  }

  /** Gives the element this source. */
  attach(): void {
    // A managed source does not open without it: there is no other for AirPlay.
    if (this.#source.streaming !== undefined) this.#video.disableRemotePlayback = true;
    this.#video.src = this.#url;
  }

  /** Appends `items`, whose tracks have these codecs in the order video, audio. */
  append(items: readonly FlowItem[], codecs: readonly string[]): void {
    this.#whenReady(() => {
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
    this.#whenReady(() => {
      this.#video.currentTime = positionS;
      this.#source.setLiveSeekableRange?.(0, Math.max(0, positionS));
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
    this.#onReady();
  }

  /** A source that is not managed takes media at any time. */
  get #isReady(): boolean {
    return this.#isOpen && this.#source.streaming !== false;
  }

  #onReady(): void {
    if (!this.#isReady || this.#isClosed) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#hasHole) {
      this.#hasHole = false;
      this.#listener.onHole();
    } else for (const task of waiting) task();
  }

  #whenReady(task: () => void): void {
    if (this.#isClosed) return;
    // Its state is `open` some time before its event.
    if (this.#isReady) {
      if (this.#source.readyState === "open") task();
    } else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(task);
    // Without a beginning there is nothing to go on from.
    else if (this.#buffers.size > 0) this.#hasHole = true;
    else this.#listener.onFailure();
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
