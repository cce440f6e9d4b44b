/** Networks are known to a room by another name each day, so that what is kept of one day says nothing of another. */

const DAY_MS = 86_400_000;

/** The days whose names of a network are looked at: that of `nowMs` first, the one before, and the one after for those who stay. */
export function networkNameDays(nowMs: number): readonly [number, number, number] {
  const day = Math.floor(nowMs / DAY_MS);
  return [day, day - 1, day + 1];
}

/** When a ban of a network made at `nowMs` ends: nobody is known by that day's name any more. */
export function networkBanEndMs(nowMs: number): number {
  return (Math.floor(nowMs / DAY_MS) + 2) * DAY_MS;
}
