/** A stream's details, and the versions of its images, in its Live object's storage. */
import {
  EMPTY_PROFILE,
  type StreamDetails,
  type StreamImageName,
  type StreamProfile,
} from "../../core/directory/stream-details.ts";
import type { LiveEventBody } from "../../core/events/domain-events.ts";
import type { LazyStorage } from "../kit/lazy-storage.ts";

const PROFILE_KEY = "profile";

/** The profile of one stream. */
export class ProfileStore {
  readonly #storage: LazyStorage;
  readonly #appendEvent: (body: LiveEventBody) => void;

  /** `appendEvent` stores a domain event. */
  constructor(storage: LazyStorage, appendEvent: (body: LiveEventBody) => void) {
    this.#storage = storage;
    this.#appendEvent = appendEvent;
  }

  /** The profile; members that an earlier release did not have are empty. */
  get current(): StreamProfile {
    const stored = this.#storage.get<StreamProfile>(PROFILE_KEY);
    if (stored === undefined) return EMPTY_PROFILE;
    return {
      details: { ...EMPTY_PROFILE.details, ...stored.details },
      images: { ...EMPTY_PROFILE.images, ...stored.images },
    };
  }

  /** Replaces the details. */
  setDetails(details: StreamDetails): StreamProfile {
    return this.#save({ ...this.current, details });
  }

  /** Replaces an image's version; null: there is none. Returns the version before it, too. */
  setImage(
    image: StreamImageName,
    version: string | null,
  ): { readonly profile: StreamProfile; readonly replaced: string | null } {
    const before = this.current;
    const profile = this.#save({ ...before, images: { ...before.images, [image]: version } });
    return { profile, replaced: before.images[image] };
  }

  #save(profile: StreamProfile): StreamProfile {
    this.#storage.transaction(() => {
      this.#storage.put(PROFILE_KEY, profile);
      this.#appendEvent({ kind: "details-changed" });
    });
    return profile;
  }
}
