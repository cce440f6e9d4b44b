/** Lists on this device that have no item twice and an end; pure. */

/** `list` with `item` as its last, or without it; the first are left out beyond `max`. */
export function withItem(list: readonly string[], item: string, isIn: boolean, max: number): readonly string[] {
  const others = list.filter((each) => each !== item);
  return isIn ? [...others, item].slice(-max) : others;
}
