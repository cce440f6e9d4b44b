/** Chance that a seed decides. Each part of a run draws from a stream of its own, so that one more draw in one part moves no other. */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { hash32 } from "../../../core/kit/hash.ts";

/** A stream of random numbers. */
export class SeededRandom {
  readonly #seed: number;
  readonly #label: string;
  readonly #next: () => number;

  constructor(seed: number, label = "") {
    this.#seed = seed;
    this.#label = label;
    const generator = xoroshiro128plus(hash32(`${seed} ${label}`));
    this.#next = () => generator.next();
  }

  /** From 0 to below 1. */
  readonly fraction = (): number => (this.#next() >>> 0) / 4_294_967_296;

  /** Another stream of the same seed; the same label gives the same stream. */
  fork(label: string): SeededRandom {
    return new SeededRandom(this.#seed, `${this.#label}/${label}`);
  }

  /** A whole number, both bounds included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of these. Throws where there is none. */
  pick<T>(list: readonly T[]): T {
    const found = list[Math.floor(this.fraction() * list.length)];
    if (found === undefined) throw new RangeError("nothing to choose from");
    return found;
  }

  /** 36 hexadecimal digits and dashes, like a UUID. */
  uuid(): string {
    const digits = Array.from({ length: 4 }, () => (this.#next() >>> 0).toString(16).padStart(8, "0")).join("");
    return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
      "-",
    );
  }
}
