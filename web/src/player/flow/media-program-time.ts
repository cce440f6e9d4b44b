/** Program time of the media's timeline; pure. */

/** Clock references kept: a segment each, some minutes. */
const MAX_REFERENCES = 120;

/** See the file's first line. */
export class MediaProgramTime {
  readonly #references: { readonly mediaS: number; readonly programTimeMs: number }[] = [];

  /** The program time at `mediaS`. */
  add(mediaS: number, programTimeMs: number): void {
    const at = this.#references.findIndex((each) => each.mediaS >= mediaS - 0.001);
    if (at !== -1) this.#references.splice(at);
    this.#references.push({ mediaS, programTimeMs });
    if (this.#references.length > MAX_REFERENCES) this.#references.shift();
  }

  /** The program time at `mediaS`, milliseconds since the epoch, by the last reference before it; null before the first. */
  at(mediaS: number): number | null {
    const reference = this.#references.findLast((each) => each.mediaS <= mediaS) ?? this.#references[0];
    return reference === undefined ? null : reference.programTimeMs + (mediaS - reference.mediaS) * 1000;
  }
}
