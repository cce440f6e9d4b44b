/** The sound of the demo film: plucked strings over four chords, which repeat. Pure. */

/** Seconds of one chord. */
const CHORD_S = 4;
/** Roots and notes in half-tones from A3: A minor, F, C, G, each with an added ninth or seventh. */
const CHORDS: readonly (readonly number[])[] = [
  [-12, 0, 3, 7, 10, 12],
  [-16, -4, 0, 3, 7, 8],
  [-9, 3, 7, 10, 14, 15],
  [-14, -2, 2, 5, 9, 12],
];
/** The notes of a chord that are plucked in turn, and how loud. */
const PATTERN: readonly (readonly [note: number, loudness: number])[] = [
  [0, 1],
  [2, 0.5],
  [4, 0.6],
  [3, 0.45],
  [5, 0.7],
  [2, 0.4],
  [4, 0.5],
  [3, 0.4],
];
const A3_HZ = 220;
/** Loudness of a string's harmonics; higher ones fade sooner. */
const HARMONICS = [1, 0.42, 0.2, 0.09, 0.05] as const;
/** Seconds in which a string fades to a third. */
const FADE_S = 1.1;
const STRING_S = 4;
/** The loudest sample: low, since the film is background. */
const PEAK = 0.35;

const MUSIC_S = CHORD_S * CHORDS.length;

/** One repetition as signed 16-bit samples of two channels, in turn. */
export function composeMusic(sampleRate: number): Int16Array {
  const frames = MUSIC_S * sampleRate;
  const sides = [new Float32Array(frames), new Float32Array(frames)] as const;
  CHORDS.forEach((chord, bar) => {
    PATTERN.forEach(([note, loudness], beat) => {
      const startS = bar * CHORD_S + (beat * CHORD_S) / PATTERN.length;
      const hz = A3_HZ * 2 ** ((chord[note] ?? 0) / 12);
      const place = 0.5 + 0.35 * Math.sin(2.4 * beat);
      pluck(sides, { hz, startS, loudness, place }, sampleRate);
    });
  });
  const loudest = sides.reduce((most, side) => side.reduce((peak, value) => Math.max(peak, Math.abs(value)), most), 0);
  const samples = new Int16Array(frames * 2);
  for (let i = 0; i < frames; i += 1) {
    samples[2 * i] = Math.round(((sides[0][i] ?? 0) / loudest) * PEAK * 32_767);
    samples[2 * i + 1] = Math.round(((sides[1][i] ?? 0) / loudest) * PEAK * 32_767);
  }
  return samples;
}

/** Adds a string. What sounds past the end is heard at the beginning, so the repetition has no seam. */
function pluck(
  sides: readonly [Float32Array, Float32Array],
  string: { readonly hz: number; readonly startS: number; readonly loudness: number; readonly place: number },
  sampleRate: number,
): void {
  const { hz, startS, loudness, place } = string;
  const first = Math.round(startS * sampleRate);
  const length = STRING_S * sampleRate;
  for (let i = 0; i < length; i += 1) {
    const t = i / sampleRate;
    const attack = Math.min(1, t / 0.006) * Math.min(1, (STRING_S - t) / 0.1);
    let value = 0;
    HARMONICS.forEach((share, n) => {
      value += share * Math.exp((-t * (1 + 0.8 * n)) / FADE_S) * Math.sin(2 * Math.PI * hz * (n + 1) * t);
    });
    const at = (first + i) % sides[0].length;
    sides[0][at] = (sides[0][at] ?? 0) + value * attack * loudness * (1 - place);
    sides[1][at] = (sides[1][at] ?? 0) + value * attack * loudness * place;
  }
}
