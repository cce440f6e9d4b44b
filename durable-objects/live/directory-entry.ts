/** A stream's card in the directory: sent with the outbox after each change, and renewed while the stream is live. */
import type { AccessPolicy } from "../../core/access/access-policy.ts";
import type { NodeCounters } from "../../core/delivery/node-counters.ts";
import {
  createCard,
  type DirectoryCard,
  type DirectoryReceiver,
  directoryObjectName,
  isListable,
  selectDirectoryShard,
} from "../../core/directory/directory-card.ts";
import type { LiveEventBody } from "../../core/events/domain-events.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import type { OutboxSubscriber } from "../kit/outbox.ts";
import type { ActiveBroadcast } from "./active-broadcast.ts";
import type { BroadcastStore } from "./broadcast-store.ts";
import type { ProfileStore } from "./profile-store.ts";

/** The revision of the card that the directory has. */
const REVISION_KEY = "directory-revision";

/** Domain events after which the card may be another. */
const CARD_EVENTS = [
  "broadcast-started",
  "broadcast-ended",
  "playback-policy-changed",
  "stream-stopped",
  "stream-restored",
  "details-changed",
] as const;

/** The name of the directory's subscriber. */
export const DIRECTORY_SUBSCRIBER = "directory";

/** The directory's objects by their names. */
export interface DirectoryNamespace {
  getByName(name: string): DirectoryReceiver;
}

/** What an entry is made of. */
export interface DirectoryEntryOptions {
  readonly stream: StreamName;
  readonly storage: LazyStorage;
  readonly store: BroadcastStore;
  readonly profile: ProfileStore;
  readonly counters: NodeCounters;
  readonly clock: Clock;
  /** The access policy now. */
  access(): AccessPolicy;
  directory(): DirectoryNamespace;
  /** The latest broadcast, or null. */
  current(): ActiveBroadcast | null;
}

/** The directory's entry of one stream. */
export class DirectoryEntry {
  readonly #options: DirectoryEntryOptions;
  /** The card that was sent last, without its viewers, as JSON: an unchanged one is not sent again. */
  #sent: string | null = null;

  constructor(options: DirectoryEntryOptions) {
    this.#options = options;
  }

  /** The subscriber of the outbox. Events carry no state: the card is that of the moment, with the event's revision. */
  get subscriber(): OutboxSubscriber<LiveEventBody> {
    return { name: DIRECTORY_SUBSCRIBER, kinds: CARD_EVENTS, deliver: ({ sequence }) => this.#send(sequence) };
  }

  /** Tells the directory that the stream is still live. Never rejects: the next one is half a minute away. */
  async renew(): Promise<void> {
    const card = this.#card();
    if (card?.live == null) return;
    const revision = this.#options.storage.get<number>(REVISION_KEY) ?? 0;
    const { stream } = this.#options;
    try {
      if (await this.#receiver.renew(stream, revision, card.live.viewers)) return;
      await this.#put(revision, card);
    } catch (error) {
      console.warn("the directory was not told that the stream is live", error);
    }
  }

  async #send(revision: number): Promise<void> {
    const { storage } = this.#options;
    const card = this.#card();
    // A stream that was never listed costs the directory nothing.
    if (card === null && storage.get<number>(REVISION_KEY) === undefined) return;
    if (textOf(card) === this.#sent) return;
    await this.#put(revision, card);
    storage.put(REVISION_KEY, revision);
  }

  async #put(revision: number, card: DirectoryCard | null): Promise<void> {
    await this.#receiver.putCard(this.#options.stream, revision, card);
    this.#sent = textOf(card);
  }

  /** The card, or null for a stream that is not listed. */
  #card(): DirectoryCard | null {
    const { access, clock, profile } = this.#options;
    const [known, policy] = [profile.current, access()];
    if (!isListable(known.details, policy, clock.nowMs())) return null;
    const card = createCard(known, policy.playback, this.#describeBroadcast());
    return card.live === null && card.endedMs === null && card.schedule.length === 0 ? null : card;
  }

  #describeBroadcast(): Pick<DirectoryCard, "live" | "endedMs"> {
    const { current, store, counters, clock } = this.#options;
    const latest = current();
    if (latest === null) return { live: null, endedMs: null };
    if (latest.hasEnded) return { live: null, endedMs: store.listBroadcasts(1)[0]?.endedAt ?? null };
    const viewers = counters.summarize(clock.monotonicMs()).viewers.current;
    return { live: { startedMs: latest.config.startedAtMs, viewers }, endedMs: null };
  }

  get #receiver(): DirectoryReceiver {
    const { stream, directory } = this.#options;
    return directory().getByName(directoryObjectName(selectDirectoryShard(stream)));
  }
}

const textOf = (card: DirectoryCard | null): string =>
  JSON.stringify(card, (key, value: unknown) => (key === "viewers" ? undefined : value));
