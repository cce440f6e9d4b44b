/** Encoding a session's senders anew: a place is asked for, and all of them are fed to one broadcast. */
import type { CapacityWait } from "../../core/ingest/health/health-rule.ts";
import type { Transcoder } from "../packager/transcoder.ts";
import type { IngestTarget } from "./ingest-publisher.ts";
import type { IngestSessionOptions } from "./session-options.ts";
import type { SessionSender } from "./session-sender.ts";
import * as say from "./session-sentences.ts";
import { TranscodedBroadcast, type TranscodedBroadcastOptions } from "./transcoded-broadcast.ts";

/** What it needs of its session. */
export interface SessionTranscodingOptions
  extends Pick<IngestSessionOptions, "stream" | "packaging" | "slates" | "transcoder" | "places" | "log" | "platform">,
    Pick<TranscodedBroadcastOptions, "epochNowMs" | "onKeyRefused" | "onFatal" | "onSound"> {
  /** Where it is published. */
  readonly target: () => IngestTarget;
  readonly onAir: () => SessionSender | null;
  /** The sender on the air waits for a place, in the order of jobs; null: it does not any more. */
  readonly onWait: (wait: CapacityWait | null) => void;
  /** Nothing of it is passed through from now on: it waits. */
  readonly onHeld: () => void;
  /** Ends what is published of it; resolves when that has ended. */
  readonly endOther: () => Promise<void>;
  /** It cannot be encoded anew, for a reason. */
  readonly onRefused: (reason: string) => void;
}

/** See the file's first line. */
export class SessionTranscoding {
  readonly #options: SessionTranscodingOptions;
  #broadcast: TranscodedBroadcast | null = null;
  #withdraw: (() => void) | null = null;

  constructor(options: SessionTranscodingOptions) {
    this.#options = options;
  }

  /** The broadcast, until the session ends; null while nothing is encoded anew. */
  get broadcast(): TranscodedBroadcast | null {
    return this.#broadcast;
  }

  /** Whether a sender may be encoded anew, now or after waiting. */
  get isPossible(): boolean {
    return this.#broadcast !== null || this.#options.places?.mayGrant === true;
  }

  /** Encodes the media of the sender on the air anew, as soon as there is a place; `reason` is a sentence. */
  start(sender: SessionSender, reason: string): void {
    const { transcoder, places, stream, onRefused } = this.#options;
    this.cancel();
    if (transcoder === null || places === null) {
      onRefused(reason);
      return;
    }
    let isOpen = true;
    const withdraw = places.request(stream, (outcome) => {
      if (outcome.kind === "waiting") {
        this.#hold(sender, outcome);
        return;
      }
      isOpen = false;
      this.#withdraw = null;
      if (outcome.kind === "refused") onRefused(`${say.withFullStop(reason)} ${outcome.sentence}`);
      else this.#begin(sender, reason, transcoder, outcome.release);
    });
    if (isOpen) this.#withdraw = withdraw;
  }

  /** A sender has come on the air: the broadcast gets its media. */
  feed(sender: SessionSender): void {
    const broadcast = this.#broadcast;
    if (broadcast === null) return;
    sender.passthrough = null;
    sender.group = null;
    sender.feed?.open((connection) => broadcast.offer(connection), this.#options.epochNowMs());
  }

  /** The sender that waited has gone. */
  cancel(): void {
    const withdraw = this.#withdraw;
    if (withdraw === null) return;
    this.#withdraw = null;
    withdraw();
    this.#options.onWait(null);
  }

  /** Its media is held until a place is free. */
  #hold(sender: SessionSender, wait: CapacityWait): void {
    const { log, stream, onHeld, onWait } = this.#options;
    if (sender.passthrough !== null) {
      log.info(`${stream}: waits for a place to be encoded anew.`);
      sender.passthrough = null;
      sender.group = null;
      onHeld();
    }
    onWait(wait);
  }

  #begin(sender: SessionSender, reason: string, transcoder: Transcoder, release: () => void): void {
    const { log, stream, packaging, target, onAir, onWait, endOther } = this.#options;
    if (onAir() !== sender) {
      release();
      return;
    }
    onWait(null);
    log.warn(`${stream}: ${say.describeTranscoding(transcoder, reason)}`);
    this.#broadcast = new TranscodedBroadcast({
      ...{ ...this.#options, target: target(), windowS: packaging.windowS, transcoder, release },
      previous: endOther(),
      onFirstPart: () => log.info(`${stream}: on the air, encoded anew.`),
    });
    this.feed(sender);
  }
}
