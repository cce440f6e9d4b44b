/** A broadcast whose frames are packaged where they are published from. */
import type { TrackName } from "../../kit/ids.ts";
import type { CodedFrame, InitInfo } from "../../media/cmaf/frame.ts";
import type { Packager, PackagerOutput, TimelineStart } from "../../media/cmaf/packager.ts";
import type { MediaPublisher } from "./media-publisher.ts";
import type { PublishCounters } from "./publish-counters.ts";

/** Media that comes between timelines is left out. The methods that add media throw `CmafError`. */
export abstract class PackagedBroadcast {
  readonly #packager: Packager;
  readonly #publisher: MediaPublisher;
  /** Resolves when the edge has the broadcast. */
  readonly #opening: Promise<void>;
  #isOpen = false;

  /** The broadcast opens at the edge at once; `previous` resolves when it may. */
  protected constructor(packager: Packager, publisher: MediaPublisher, previous: Promise<void> = Promise.resolve()) {
    this.#packager = packager;
    this.#publisher = publisher;
    publisher.useChunkSource(packager);
    this.#opening = previous.then(() => publisher.open());
    // `onFatal` of the publisher tells what the opening throws.
    this.#opening.catch(() => {});
  }

  protected get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Program time after everything written so far, milliseconds since the epoch; null before the first frame. */
  get writtenUntilMs(): number | null {
    return this.#packager.writtenUntilMs;
  }

  /** See `MediaPublisher`. */
  recentDelayMs(): number | null {
    return this.#publisher.recentDelayMs();
  }

  counters(): PublishCounters {
    return this.#publisher.counters();
  }

  protected openTimeline(start: TimelineStart): void {
    const outputs = this.#packager.beginTimeline(start);
    this.#isOpen = true;
    this.#publish(outputs);
  }

  /** The init section of an optional track, before its first frame of a timeline. */
  provideInit(track: TrackName, init: { readonly info: InitInfo; readonly bytes: Uint8Array }): void {
    this.#publish(this.#packager.provideInit(track, init));
  }

  push(track: TrackName, frame: CodedFrame): void {
    if (this.#isOpen) this.#publish(this.#packager.push(track, frame));
  }

  /** No frame of `track` comes before `untilTicks`: gap parts stand for it. */
  markSilent(track: TrackName, untilTicks: number): void {
    if (this.#isOpen) this.#publish(this.#packager.markSilent(track, untilTicks));
  }

  endTimeline(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#publish(this.#packager.endTimeline());
  }

  /** Between timelines: gap parts up to a program time. */
  fillGapUntil(programTimeMs: number): void {
    if (!this.#isOpen) this.#publish(this.#packager.fillGapUntil(programTimeMs));
  }

  /** Closes every segment, and waits until the edge has all of it. Throws `PublishError`. */
  async end(): Promise<void> {
    this.endTimeline();
    this.#publish(this.#packager.end());
    await this.#opening;
    await this.#publisher.end();
  }

  /** Stops sending at once. */
  async close(): Promise<void> {
    await this.#publisher.close();
  }

  #publish(outputs: readonly PackagerOutput[]): void {
    for (const output of outputs) this.#publisher.push(output);
  }
}
