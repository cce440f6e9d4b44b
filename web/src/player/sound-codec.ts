/** One codec of sound, where a playlist lists each picture with several. Pure. */

/** The used part of a level of hls.js. */
export interface SoundVariant {
  readonly audioCodec: string | undefined;
}

/**
 * The levels to leave out, the last first: hls.js lists those that the browser plays, and would list each rendition twice. Opus
 * is the broadcaster's own sound, and comes sooner than AAC that is made of it.
 */
export function findOtherSound(levels: readonly SoundVariant[]): number[] {
  const isOpus = ({ audioCodec }: SoundVariant): boolean => /^opus\b/i.test(audioCodec ?? "");
  if (!levels.some(isOpus)) return [];
  return levels.flatMap((level, index) => (isOpus(level) ? [] : [index])).reverse();
}
