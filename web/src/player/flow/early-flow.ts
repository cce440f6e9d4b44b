/** A flow response that is asked for while the player's code is still loading, and handed over to it. */
import type { Clock } from "../../../../core/kit/clock.ts";
import type { WatchTrack } from "../status.ts";
import { assumedLinkBps, chooseStartRung, flowAddress, flowQuery } from "./flow-start.ts";
import { chooseFlowTracks } from "./flow-tracks.ts";

/** A response that nobody takes within this time is dropped: it would go on for ever. */
const UNTAKEN_MS = 8_000;

/** What a page knows before its player has loaded. */
export interface EarlyFlowOptions {
  readonly stream: string;
  readonly broadcast: string;
  readonly tracks: readonly WatchTrack[];
  /** The viewer's token, or null. */
  readonly token: string | null;
  /** Device pixels of height that the picture will have at most. */
  readonly lines: number;
  /** The browser's estimate of its link (`navigator.connection`). */
  readonly downlinkMbps: number | undefined;
  readonly isTypeSupported: (mediaType: string) => boolean;
  readonly clock: Clock;
}

/** See the file's first line. */
export class EarlyFlow {
  readonly broadcast: string;
  /** Name of the video track. */
  readonly rendition: string;
  /** Its address with its parameters. */
  readonly url: string;
  /** When it was asked for: monotonic, and by the wall clock. */
  readonly sentMs: number;
  readonly askedMs: number;
  readonly #abort = new AbortController();
  readonly #answer: Promise<Response>;
  #isTaken = false;

  /** Asks for the media that a player would ask for; null if the browser cannot play them. */
  static begin(options: EarlyFlowOptions): EarlyFlow | null {
    const chosen = chooseFlowTracks(options.tracks, options.isTypeSupported);
    if (chosen === null) return null;
    const rung = chooseStartRung(chosen.rungs, assumedLinkBps(options.downlinkMbps), options.lines);
    const rendition = chosen.rungs[rung]?.name;
    return rendition === undefined ? null : new EarlyFlow(options, rendition, chosen.audio);
  }

  private constructor({ stream, broadcast, token, clock }: EarlyFlowOptions, rendition: string, audio: string | null) {
    this.broadcast = broadcast;
    this.rendition = rendition;
    this.url = `${flowAddress("", stream, broadcast)}?${flowQuery(rendition, audio, "latest")}`;
    this.sentMs = clock.monotonicMs();
    this.askedMs = clock.nowMs();
    this.#answer = fetch(this.url, {
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      cache: "no-store",
      signal: this.#abort.signal,
    });
    // Its taker sees a failure.
    this.#answer.catch(() => {});
    clock.startTimer(UNTAKEN_MS, () => {
      if (!this.#isTaken) this.drop();
    });
  }

  /** The response, once; null for another address, or if it was dropped or taken. */
  take(url: string): Promise<Response> | null {
    if (url !== this.url || this.#isTaken || this.#abort.signal.aborted) return null;
    this.#isTaken = true;
    return this.#answer;
  }

  /** Ends it. */
  drop(): void {
    this.#abort.abort();
  }
}
