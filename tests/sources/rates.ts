/** Clips of common frame rates, repeated for long. */
import { hasAvSync } from "./checks.ts";
import { beepTimesS, flashTimesS } from "./decode-output.ts";
import { AAC_ARGS, flashAndBeepArgs, H264_ARGS, runFfmpeg } from "./ffmpeg-args.ts";
import type { OddSource } from "./odd-source.ts";

const RATES = ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60", "125/4"] as const;
const SAMPLE_RATES = [44_100, 48_000] as const;

/** Each rate with each sample rate, for `untilS` seconds. */
export function repeatedRateSources(untilS: number): OddSource[] {
  return RATES.flatMap((rate) =>
    SAMPLE_RATES.map((sampleRate): OddSource => {
      const [num = 25, den = 1] = rate.split("/").map(Number);
      return {
        name: `${+(num / den).toFixed(3)} fps with ${sampleRate / 1000} kHz, repeated for ${(untilS / 60).toFixed(1)} min`,
        kind: "rates",
        loop: true,
        make: (folder) => {
          runFfmpeg(
            folder,
            ...flashAndBeepArgs({ rate, sampleRate, seconds: 10 }),
            ...H264_ARGS,
            ...AAC_ARGS,
            "clip.mp4",
          );
          return "clip.mp4";
        },
        options: { untilS },
        check: (aired, watched) => {
          const [seen, heard] = [flashTimesS(watched).length, beepTimesS(watched).length];
          return [...hasAvSync(aired, watched), Math.abs(seen - heard) > 1 && `${seen} flashes and ${heard} beeps`];
        },
      };
    }),
  );
}
