/**
 * Fanout cohorts of a shard. Sending a frame to thousands of sockets keeps the object busy for much of a tick, and incoming
 * frames wait. So each call of the room is sent to some cohorts only, in turn, with all events since their last turn.
 */

/** Cohorts of a shard, a power of two. A tick divided into fewer parts is sent to several cohorts at once. */
export const MAX_FANOUT_COHORTS = 4;

/** The next update of some cohorts: events after `afterOffset`, null: none; and counts if they changed. */
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

/** The backlogs of one shard's cohorts. */
export class FanoutCohorts {
  #backlogs: CohortBacklog[] = Array.from({ length: MAX_FANOUT_COHORTS }, emptyBacklog);
  #turnIndex = 0;
  #lastAssigned = 0;

  /** Adds events after `from` (null: none) and changed counts to every backlog. */
  markBehind(from: number | null, countsChanged: boolean): void {
    for (const backlog of this.#backlogs) {
      backlog.afterOffset ??= from;
      backlog.includesCounts ||= countsChanged;
    }
  }

  /** Clears every backlog. */
  markAllCurrent(): void {
    this.#backlogs = this.#backlogs.map(emptyBacklog);
  }

  /** Whether any backlog is left. */
  get hasBacklog(): boolean {
    return this.#backlogs.some(({ afterOffset, includesCounts }) => afterOffset !== null || includesCounts);
  }

  /** Takes the updates of the next cohorts, of a tick in `parts` (a power of two); cohorts with equal backlogs share one. */
  takeNextUpdates(parts: number): CohortUpdate[] {
    this.#turnIndex = (this.#turnIndex + 1) % parts;
    const updates = new Map<string, { cohorts: number[] } & CohortUpdate>();
    for (const [cohort, backlog] of this.#backlogs.entries()) {
      if (cohort % parts !== this.#turnIndex || (backlog.afterOffset === null && !backlog.includesCounts)) continue;
      const key = `${backlog.afterOffset} ${backlog.includesCounts}`;
      const update = updates.get(key) ?? { cohorts: [], ...backlog };
      updates.set(key, update);
      update.cohorts.push(cohort);
      this.#backlogs[cohort] = emptyBacklog();
    }
    return [...updates.values()];
  }

  /** The cohort of a viewer with all events: one without an event backlog, so that no event is repeated. */
  assign(): number {
    for (let step = 1; step <= MAX_FANOUT_COHORTS; step += 1) {
      const cohort = (this.#lastAssigned + step) % MAX_FANOUT_COHORTS;
      if (this.#backlogs[cohort]?.afterOffset !== null) continue;
      this.#lastAssigned = cohort;
      return cohort;
    }
    return this.#turnIndex;
  }
}
