/** What a publisher needs. */
import type { Platform } from "../../kit/clock.ts";
import type { PackagerOutput } from "../../media/cmaf/packager.ts";
import type { PublishTarget } from "./publish-client.ts";
import type { PublishError } from "./publish-error.ts";
import type { PublishTransport } from "./publish-transport.ts";
import type { PublisherLimits } from "./publisher-limits.ts";

/** Keeps what the edge has not stored yet. */
export interface ResendJournal {
  append(output: PackagerOutput): void;
  /** Segments up to `durableMsn` are stored. */
  removeThrough(durableMsn: number): void;
  removeAll(): void;
}

/** Dependencies of a publisher besides the target. */
export interface MediaPublisherOptions extends PublishTarget {
  readonly transport: PublishTransport;
  readonly platform: Platform;
  readonly log: { info(text: string): void; warn(text: string): void; error(text: string): void };
  /** Called once, when the edge refuses permanently and the broadcast cannot continue. */
  readonly onFatal: (error: PublishError) => void;
  /** The edge refuses the key: another one with which the broadcast goes on, or null. It may call `useKey` itself. */
  readonly onKeyRefused?: (reason: string) => string | null;
  /** Journal of media that the edge has not stored yet. */
  readonly journal?: ResendJournal;
  /** Shorter limits, for tests. */
  readonly limits?: Partial<PublisherLimits> & { readonly requestMs?: number };
}
