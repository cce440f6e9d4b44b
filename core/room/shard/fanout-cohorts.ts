/**
 * In which portions a shard's viewers are told. A frame for each of thousands of sockets keeps the object busy for a good
 * part of a tick, and whoever speaks meanwhile waits: so each call of the room is passed on to some of the viewers only,
 * in turn, and they are told with it what they missed since theirs.
 */

/** Viewers are dealt into so many portions; several are told at once where a tick is divided into fewer. A power of two. */
export const MAX_FANOUT_COHORTS = 4;

/** What these portions are told next: all after the event `from`, null if they lack none; and counts where they changed. */
export interface CohortUpdate {
  readonly cohorts: readonly number[];
  readonly afterOffset: number | null;
  readonly includesCounts: boolean;
}

interface CohortBacklog {
  afterOffset: number | null;
  includesCounts: boolean;
}

const emptyBacklog = (): CohortBacklog => ({ afterOffset: null, includesCounts: false });

/** What each portion of one shard's viewers lacks. */
export class FanoutCohorts {
  #backlogs: CohortBacklog[] = Array.from({ length: MAX_FANOUT_COHORTS }, emptyBacklog);
  #turnIndex = 0;
  #lastAssigned = 0;

  /** Events came after `from`, null if none did; `counts`: they changed. */
  markBehind(from: number | null, counts: boolean): void {
    for (const lack of this.#backlogs) {
      lack.afterOffset ??= from;
      lack.includesCounts ||= counts;
    }
  }

  /** Everybody was told, or is told anew. */
  markAllCurrent(): void {
    this.#backlogs = this.#backlogs.map(emptyBacklog);
  }

  /** Whether somebody lacks something. */
  get hasBacklog(): boolean {
    return this.#backlogs.some(({ afterOffset, includesCounts }) => afterOffset !== null || includesCounts);
  }

  /** What is told now, where a tick is told in `parts` (a power of two); those who lack the same are together. */
  takeNextUpdates(parts: number): CohortUpdate[] {
    this.#turnIndex = (this.#turnIndex + 1) % parts;
    const dues = new Map<string, { cohorts: number[] } & CohortUpdate>();
    for (const [portion, lack] of this.#backlogs.entries()) {
      if (portion % parts !== this.#turnIndex || (lack.afterOffset === null && !lack.includesCounts)) continue;
      const key = `${lack.afterOffset} ${lack.includesCounts}`;
      const due = dues.get(key) ?? { cohorts: [], ...lack };
      dues.set(key, due);
      due.cohorts.push(portion);
      this.#backlogs[portion] = emptyBacklog();
    }
    return [...dues.values()];
  }

  /** The portion of somebody who knows all: one that lacks no event, so that nothing comes twice. */
  assign(): number {
    for (let step = 1; step <= MAX_FANOUT_COHORTS; step += 1) {
      const portion = (this.#lastAssigned + step) % MAX_FANOUT_COHORTS;
      if (this.#backlogs[portion]?.afterOffset !== null) continue;
      this.#lastAssigned = portion;
      return portion;
    }
    return this.#turnIndex;
  }
}
