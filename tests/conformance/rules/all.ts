/** All rules in order. */

import { AUDIO_RULES } from "./audio.ts";
import { MEDIA_RULES } from "./media.ts";
import { METADATA_RULES } from "./metadata.ts";
import type { ConformanceRule } from "./observation.ts";
import { PART_RULES } from "./parts.ts";
import { PLAYLIST_RULES } from "./playlist.ts";
import { REQUEST_RULES } from "./requests.ts";
import { TIMING_RULES } from "./timing.ts";
import { TRANSPORT_RULES } from "./transport.ts";

/** Each of the 76 rules with its check, by number. */
export const ALL_RULES: readonly ConformanceRule[] = [
  ...PLAYLIST_RULES,
  ...METADATA_RULES,
  ...PART_RULES,
  ...MEDIA_RULES,
  ...REQUEST_RULES,
  ...TIMING_RULES,
  ...TRANSPORT_RULES,
  ...AUDIO_RULES,
].toSorted((a, b) => a.rule - b.rule);
