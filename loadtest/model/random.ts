/** Seeded random numbers. */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { Random } from "../../core/kit/clock.ts";

/** The sequence of `seed`, the same each time. */
export function seededRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  return () => (generator.next() >>> 0) / 4_294_967_296;
}

/** A generator of weighted integers from 0; one random number per draw (Walker's alias method). */
export function weightedChoice(weights: readonly number[]): (random: Random) => number {
  const count = weights.length;
  const sum = weights.reduce((all, weight) => all + weight, 0);
  const share = Float64Array.from(weights, (weight) => (weight * count) / sum);
  const other = new Int32Array(count);
  const small: number[] = [];
  const large: number[] = [];
  for (let index = 0; index < count; index += 1) ((share[index] ?? 0) < 1 ? small : large).push(index);
  for (let less = small.pop(), more = large.pop(); less !== undefined && more !== undefined; ) {
    other[less] = more;
    share[more] = (share[more] ?? 0) - (1 - (share[less] ?? 0));
    less = small.pop();
    if ((share[more] ?? 0) < 1) {
      if (less !== undefined) small.push(less);
      less = more;
      more = large.pop();
    }
  }
  for (const whole of [...small, ...large]) if ((share[whole] ?? 0) > 0.999_999) share[whole] = 1;
  return (random) => {
    const at = random() * count;
    const index = Math.floor(at);
    return at - index < (share[index] ?? 1) ? index : (other[index] ?? index);
  };
}
