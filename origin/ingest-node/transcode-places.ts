/** Places for senders that are encoded anew: those of this node, and with dispatch the leases of the cluster. */
import type { LeaseClient } from "../../core/dispatch/lease-client.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { Transcoder } from "../packager/transcoder.ts";

/** Times, each with its reason. */
const PLACE_LIMITS = {
  /** Without an answer of the dispatch object within this time the node decides by itself. */
  answerMs: 2_000,
  /** A sender that has no place after this time is refused: its pictures are held in memory meanwhile. */
  waitMs: 10_000,
} as const;

/** What becomes of a request. The sentence of a refusal has no full stop. */
export type PlaceOutcome =
  | { readonly kind: "granted"; readonly release: () => void }
  | { readonly kind: "waiting"; readonly ahead: number; readonly roomAt: string | null }
  | { readonly kind: "refused"; readonly sentence: string };

/** Where a session asks for a place. */
export interface TranscodePlaces {
  /** Whether a request may be granted, now or after waiting. */
  readonly mayGrant: boolean;
  /**
   * Asks for a place for a stream. `onOutcome` is called with each change until it is granted or refused, perhaps before this
   * returns. The result withdraws the request; a granted place is given back by its own `release`.
   */
  request(stream: StreamName, onOutcome: (outcome: PlaceOutcome) => void): () => void;
}

/** The node's own places: granted or refused at once. */
export class LocalPlaces implements TranscodePlaces {
  readonly #transcoder: Transcoder;

  constructor(transcoder: Transcoder) {
    this.#transcoder = transcoder;
  }

  get mayGrant(): boolean {
    return this.#transcoder.places.hasRoom;
  }

  request(_stream: StreamName, onOutcome: (outcome: PlaceOutcome) => void): () => void {
    const release = this.#transcoder.places.acquire();
    onOutcome(
      release === null ? { kind: "refused", sentence: describeFull(this.#transcoder) } : { kind: "granted", release },
    );
    return () => {};
  }
}

/** Places that the dispatch object leases. While it cannot be reached, the node's own places are taken without it. */
export class LeasedPlaces implements TranscodePlaces {
  readonly mayGrant = true;
  readonly #transcoder: Transcoder;
  readonly #client: LeaseClient;
  readonly #clock: Clock;

  constructor(transcoder: Transcoder, client: LeaseClient, clock: Clock) {
    this.#transcoder = transcoder;
    this.#client = client;
    this.#clock = clock;
  }

  request(stream: StreamName, onOutcome: (outcome: PlaceOutcome) => void): () => void {
    let isSettled = false;
    let roomAt: string | null = null;
    const place = this.#client.request(stream, false, (state) => {
      if (isSettled) return;
      if (state.kind === "placed") grant();
      else if (state.kind === "moved") refuse("The sender is connected to another server now");
      else if (state.kind === "waiting") {
        roomAt = state.roomAt;
        onOutcome(state);
      }
    });
    const settle = (): void => {
      isSettled = true;
      cancelFallback();
      cancelWait();
    };
    const grant = (): void => {
      const release = this.#transcoder.places.acquire();
      // The job that had the place is still ending: the next change or the fallback tries again.
      if (release === null) return;
      settle();
      place.markRunning();
      const giveBack = (): void => {
        release();
        place.release();
      };
      onOutcome({ kind: "granted", release: giveBack });
    };
    const refuse = (sentence: string): void => {
      settle();
      place.release();
      onOutcome({ kind: "refused", sentence });
    };
    const cancelFallback = this.#clock.startTimer(PLACE_LIMITS.answerMs, () => {
      if (place.state.kind !== "waiting") grant();
    });
    const cancelWait = this.#clock.startTimer(PLACE_LIMITS.waitMs, () => {
      const elsewhere = roomAt === null ? "no other server has room either" : `the server ${roomAt} has room`;
      refuse(`${describeFull(this.#transcoder)}; ${elsewhere}`);
    });
    return () => {
      if (isSettled) return;
      settle();
      place.release();
    };
  }
}

function describeFull({ options }: Transcoder): string {
  return `Passed-through senders are still admitted; as many broadcasts are encoded anew here as this machine can (${options.limit})`;
}
