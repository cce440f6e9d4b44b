/**
 * In which portions a shard's viewers are told. A frame for each of thousands of sockets keeps the object busy for a good
 * part of a tick, and whoever speaks meanwhile waits: so each call of the room is passed on to some of the viewers only,
 * in turn, and they are told with it what they missed since theirs.
 */

/** Viewers are dealt into so many portions; several are told at once where a tick is divided into fewer. A power of two. */
export const MOST_PORTIONS = 4;

/** What these portions are told next: all after the event `from`, null if they lack none; and counts where they changed. */
export interface Due {
  readonly portions: readonly number[];
  readonly from: number | null;
  readonly counts: boolean;
}

interface Lack {
  from: number | null;
  counts: boolean;
}

const nothing = (): Lack => ({ from: null, counts: false });

/** What each portion of one shard's viewers lacks. */
export class Portions {
  #lacks: Lack[] = Array.from({ length: MOST_PORTIONS }, nothing);
  #turn = 0;
  #seated = 0;

  /** Events came after `from`, null if none did; `counts`: they changed. */
  add(from: number | null, counts: boolean): void {
    for (const lack of this.#lacks) {
      lack.from ??= from;
      lack.counts ||= counts;
    }
  }

  /** Everybody was told, or is told anew. */
  clear(): void {
    this.#lacks = this.#lacks.map(nothing);
  }

  /** Whether somebody lacks something. */
  get waiting(): boolean {
    return this.#lacks.some(({ from, counts }) => from !== null || counts);
  }

  /** What is told now, where a tick is told in `parts` (a power of two); those who lack the same are together. */
  next(parts: number): Due[] {
    this.#turn = (this.#turn + 1) % parts;
    const dues = new Map<string, { portions: number[] } & Due>();
    for (const [portion, lack] of this.#lacks.entries()) {
      if (portion % parts !== this.#turn || (lack.from === null && !lack.counts)) continue;
      const key = `${lack.from} ${lack.counts}`;
      const due = dues.get(key) ?? { portions: [], ...lack };
      dues.set(key, due);
      due.portions.push(portion);
      this.#lacks[portion] = nothing();
    }
    return [...dues.values()];
  }

  /** The portion of somebody who knows all: one that lacks no event, so that nothing comes twice. */
  seat(): number {
    for (let step = 1; step <= MOST_PORTIONS; step += 1) {
      const portion = (this.#seated + step) % MOST_PORTIONS;
      if (this.#lacks[portion]?.from !== null) continue;
      this.#seated = portion;
      return portion;
    }
    return this.#turn;
  }
}
