/** Odd sources by kind, with their checks. */
import type { OddSource } from "./odd-source.ts";
import { CHANGE_SOURCES, NAME_SOURCES, PICTURE_SOURCES } from "./picture-sources.ts";
import { AUDIO_TIMELINE_SOURCES, FRAME_RATE_SOURCES } from "./timing-sources.ts";
import { SELECTION_SOURCES, TRACK_SOURCES } from "./track-sources.ts";

/** All odd sources. */
export const ODD_SOURCES: readonly OddSource[] = [
  ...[...FRAME_RATE_SOURCES, ...AUDIO_TIMELINE_SOURCES, ...TRACK_SOURCES, ...SELECTION_SOURCES],
  ...[...CHANGE_SOURCES, ...PICTURE_SOURCES, ...NAME_SOURCES],
];
