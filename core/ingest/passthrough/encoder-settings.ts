/** What x264 and x265 tell of their settings in a broadcast's first picture: hardware encoders and browsers tell nothing. */
import type { IngestVideoCodec } from "../media-event.ts";
import { readUserData } from "../nal/user-data.ts";

/** Settings that decide how often a viewer can begin. */
export interface KeyframeSettings {
  /** Frames between keyframes at most, unless the program that feeds the encoder asks for more of them; infinite: no limit. */
  readonly longestFrames: number;
  /** Whether a group's first pictures may refer to the one before, or keyframes are spread over pictures. */
  readonly isOpen: boolean;
}

/** The text follows a UUID. */
const UUID_BYTES = 16;
/** Characters of the text that are read: x265 has the keyframes' settings in its first 700. */
const TEXT_CHARACTERS = 2_048;
const ENCODER = /^x26[45] .* options: /;

/** The settings in a coded picture, as `IngestFrame.data` has it; null if it has none. */
export function readKeyframeSettings(codec: IngestVideoCodec, data: Uint8Array): KeyframeSettings | null {
  for (const message of readUserData(codec, data)) {
    const text = String.fromCharCode(...message.subarray(UUID_BYTES, UUID_BYTES + TEXT_CHARACTERS));
    const longest = ENCODER.test(text) ? / keyint=(\d{1,9}|infinite)(?: |$)/.exec(text)?.[1] : undefined;
    if (longest === undefined) continue;
    const isOpen = / (?:open_gop=[12]|open-gop|intra_refresh=1|intra-refresh)(?: |$)/.test(text);
    return { longestFrames: longest === "infinite" ? Number.POSITIVE_INFINITY : Number(longest), isOpen };
  }
  return null;
}
