/** The live streams before and after the one on the page, in the directory's order. */

/** The stream `step` places on among `live`, around its ends; null if there is no other. */
export function neighborStream(live: readonly string[], current: string, step: 1 | -1): string | null {
  const others = live.filter((stream) => stream !== current);
  if (others.length === 0) return null;
  const at = live.indexOf(current);
  if (at < 0) return (step === 1 ? others[0] : others.at(-1)) ?? null;
  return live[(at + step + live.length) % live.length] ?? null;
}
