/** A source whose decoded sound is measured on its way. */
import { LevelReader } from "../../core/ingest/health/level-reader.ts";
import type { SoundLevel } from "../../core/ingest/health/sound-meter.ts";
import { RAW_AUDIO } from "./raw-media.ts";
import type { SourceHandle } from "./source-opener.ts";

/** The source, which calls `onLevel` for each second of decoded sound. */
export function measureSound(source: SourceHandle, onLevel: (level: SoundLevel) => void): SourceHandle {
  return {
    ...source,
    read: (resumeS, onProcessEnd) => {
      const reader = source.read(resumeS, onProcessEnd);
      const levels = new LevelReader(RAW_AUDIO.sampleRate * RAW_AUDIO.channels);
      return {
        tracks: reader.tracks,
        done: reader.done,
        start: (handlers) =>
          reader.start({
            ...handlers,
            onAudioSamples: (ptsS, samples) => {
              const level = levels.push(samples);
              if (level !== null) onLevel(level);
              handlers.onAudioSamples(ptsS, samples);
            },
          }),
        pause: (track) => reader.pause(track),
        resume: (track) => reader.resume(track),
        stop: () => reader.stop(),
      };
    },
  };
}
