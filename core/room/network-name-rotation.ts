/** A network has another name in a room each day, so that stored names of different days cannot be linked. */

const DAY_MS = 86_400_000;

/** The days whose names of a network are checked: that of `nowMs`, the day before, and the day after for viewers who stay. */
export function networkNameDays(nowMs: number): readonly [number, number, number] {
  const day = Math.floor(nowMs / DAY_MS);
  return [day, day - 1, day + 1];
}

/** The end of a network ban made at `nowMs`: nobody is known by that day's name any more. */
export function networkBanEndMs(nowMs: number): number {
  return (Math.floor(nowMs / DAY_MS) + 2) * DAY_MS;
}
