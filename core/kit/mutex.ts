/** Works that wait for others, carried out one after another in the order in which they were begun. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  /** Does `work` after all that came before it, whether that failed or not. */
  runExclusive<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
