/** Texts that map each of their UTF-16 units to a position in the original. */

/** A text derived from an original; unit `i` maps to the original's units `starts[i]` (inclusive) to `ends[i]` (exclusive). */
export interface MappedText {
  readonly text: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Builds a mapped text in pieces. */
export class MappedTextBuilder {
  #text = "";
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** Appends `text`, all of whose units map to the original's units `start` to `end`. */
  append(text: string, start: number, end: number): void {
    this.#text += text;
    for (let unit = 0; unit < text.length; unit += 1) {
      this.#starts.push(start);
      this.#ends.push(end);
    }
  }

  /** Appends units `from` to `to` of `source` unchanged. */
  appendCopy(source: MappedText, from: number, to: number): void {
    this.#text += source.text.slice(from, to);
    for (let unit = from; unit < to; unit += 1) {
      const { start, end } = originalSpan(source, unit, unit + 1);
      this.#starts.push(start);
      this.#ends.push(end);
    }
  }

  /** The mapped text. */
  build(): MappedText {
    return { text: this.#text, starts: this.#starts, ends: this.#ends };
  }
}

/** An original as a mapped text of itself. */
export function identityMappedText(text: string): MappedText {
  const units = Array.from({ length: text.length }, (_, unit) => unit);
  return { text, starts: units, ends: units.map((unit) => unit + 1) };
}

/** The span of the original that units `from` to `to` of `mapped` map to; empty for an empty range. */
export function originalSpan(mapped: MappedText, from: number, to: number): { start: number; end: number } {
  const start = mapped.starts[from] ?? 0;
  return { start, end: to > from ? (mapped.ends[to - 1] ?? start) : start };
}
