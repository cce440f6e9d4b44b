/**
 * The directory: which streams are live, announced and recorded, sharded over a few objects by the streams' names. Live objects
 * send a card with each change, which is stored, and a renewal every 30 s, which is not: after a loss of memory a live stream
 * that is gone leaves with the first lease.
 */
import { DurableObject } from "cloudflare:workers";
import type { DirectoryCard, DirectoryListing, DirectoryReceiver } from "../../core/directory/directory-card.ts";
import { DirectoryIndex, type IndexTime } from "../../core/directory/directory-index.ts";
import { DIRECTORY_LIMITS } from "../../core/directory/directory-limits.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { LazyStorage } from "../kit/lazy-storage.ts";
import { DIRECTORY_SCHEMA } from "./directory-schema.ts";

type CardRow = { stream: string; revision: number; card: string };

/** One of the directory's objects, named by `directoryObjectName`. */
export class Directory extends DurableObject implements DirectoryReceiver {
  platform: Platform = systemPlatform;
  readonly #storage: LazyStorage;
  readonly #index = new DirectoryIndex();
  /** The lists, and when they were made, by the monotonic clock. */
  #listed: { readonly listing: DirectoryListing; readonly atMs: number } | null = null;
  #sweptMs: number;

  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env);
    this.#storage = new LazyStorage(ctx.storage, DIRECTORY_SCHEMA);
    this.#sweptMs = this.platform.clock.monotonicMs();
    for (const { stream, revision, card } of this.#storage.exec<CardRow>("SELECT * FROM cards").toArray()) {
      this.#index.put(stream as StreamName, revision, JSON.parse(card) as DirectoryCard, this.#time());
    }
  }

  /** Takes a stream's card; null removes the stream. One that is older than the known one is ignored. */
  async putCard(stream: StreamName, revision: number, card: DirectoryCard | null): Promise<void> {
    const put = this.#index.put(stream, revision, card, this.#time());
    if (put === false) return;
    if (put.evicted !== null) this.#deleteRow(put.evicted);
    if (card === null) this.#deleteRow(stream);
    else {
      const text = JSON.stringify(card);
      this.#storage.insert("INSERT OR REPLACE INTO cards VALUES (?, ?, ?)", stream, revision, text);
    }
  }

  /** The stream is still live. False: this object lacks its revision, and needs the card. */
  async renew(stream: StreamName, revision: number, viewers: number): Promise<boolean> {
    return this.#index.renew(stream, revision, viewers, this.#time());
  }

  /** The lists of this object's streams. */
  list(): DirectoryListing {
    const time = this.#time();
    if (time.monotonicMs - this.#sweptMs >= DIRECTORY_LIMITS.sweepMs) this.#sweep(time);
    if (this.#listed === null || time.monotonicMs - this.#listed.atMs >= DIRECTORY_LIMITS.listingMs) {
      this.#listed = { listing: this.#index.list(time), atMs: time.monotonicMs };
    }
    return this.#listed.listing;
  }

  #sweep(time: IndexTime): void {
    this.#sweptMs = time.monotonicMs;
    for (const stream of this.#index.sweep(time)) this.#deleteRow(stream);
  }

  #deleteRow(stream: StreamName): void {
    this.#storage.exec("DELETE FROM cards WHERE stream = ?", stream);
  }

  #time(): IndexTime {
    const { clock } = this.platform;
    return { nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() };
  }
}
