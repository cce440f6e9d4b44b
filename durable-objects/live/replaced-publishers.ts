/** The publishers of a broadcast that others have replaced, so that each learns why it is refused. */
import type { BroadcastId } from "../../core/kit/ids.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";
import { NO_PUBLISHER } from "./active-broadcast.ts";

/** Those of the latest broadcast, as they are stored; the one replaced last is the last. */
interface StoredReplacements {
  readonly broadcast: BroadcastId;
  readonly publishers: readonly string[];
}

const REPLACED_KEY = "replaced";
/** Earlier ones are told that another publisher is live. */
const MAX_REPLACED = 8;

/** The replaced publishers of one stream's latest broadcast. */
export class ReplacedPublishers {
  readonly #storage: LazyStorage;

  constructor(storage: LazyStorage) {
    this.#storage = storage;
  }

  /** Whether the publisher was replaced in this broadcast. */
  has(broadcast: BroadcastId, publisher: string): boolean {
    return this.#read(broadcast).includes(publisher);
  }

  /** Records that a publisher has replaced the `former` one, or, where that is `NO_PUBLISHER`, that it is back. */
  record(broadcast: BroadcastId, former: string, publisher: string): void {
    const known = this.#read(broadcast);
    const others = known.filter((each) => each !== former && each !== publisher);
    const isNew = former !== NO_PUBLISHER && former !== publisher;
    const publishers = (isNew ? [...others, former] : others).slice(-MAX_REPLACED);
    if (!isNew && publishers.length === known.length) return;
    this.#storage.put(REPLACED_KEY, { broadcast, publishers } satisfies StoredReplacements);
  }

  #read(broadcast: BroadcastId): readonly string[] {
    const stored = this.#storage.get<StoredReplacements>(REPLACED_KEY);
    return stored?.broadcast === broadcast ? stored.publishers : [];
  }
}
