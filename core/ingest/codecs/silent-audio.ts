/** Digital silence in coded audio, without decoding it: a muted source is coded as frames that have no sound at all. */
import type { IngestAudioCodec } from "../media-event.ts";
import { type BitFieldReader, tryReadFields } from "./bit-field-reader.ts";

/** Elements of an AAC frame (ISO/IEC 14496-3 table 4.85). */
const ELEMENT = { single: 0, pair: 1, lowFrequency: 3, fill: 6, end: 7 } as const;
/** Elements of a frame that are looked at; one of 7.1 channels has under 8. */
const MAX_ELEMENTS = 16;
const EIGHT_SHORT = 2;

/**
 * Whether a frame is known to be digital silence. False where it has sound, is malformed, or cannot be told without decoding:
 * noise of a muted microphone's circuit is coded like sound, and speech modes of Opus have no mark of silence.
 */
export function isSilentAudio(codec: IngestAudioCodec, data: Uint8Array): boolean {
  return codec === "aac" ? (tryReadFields(data, isSilentAacFrame) ?? false) : isSilentOpusPacket(data);
}

/**
 * RFC 6716 §4.3.2 and §4.1.3.2: CELT frames begin with a flag of silence whose probability is 2^-15, so it is coded as 15 bits
 * of one. The 5 upper bits of the first byte are the configuration (table 2), the 2 lower ones the number of frames.
 */
function isSilentOpusPacket(data: Uint8Array): boolean {
  const [header = 0, first = 0, second = 0] = data;
  const isCelt = header >>> 3 >= 16;
  return data.length >= 3 && isCelt && (header & 3) === 0 && first === 0xff && second >= 0xfe;
}

/** ISO/IEC 14496-3 table 4.3, raw_data_block(): silent if no channel has a section with a codebook. */
function isSilentAacFrame(reader: BitFieldReader): boolean {
  let channels = 0;
  for (let count = 0; count < MAX_ELEMENTS; count += 1) {
    const element = reader.bits(3);
    if (element === ELEMENT.end) return channels > 0;
    if (element === ELEMENT.fill) skipFill(reader);
    else if (element === ELEMENT.single || element === ELEMENT.lowFrequency) {
      reader.skip(4);
      if (!isSilentChannel(reader, null)) return false;
      channels += 1;
    } else if (element === ELEMENT.pair) {
      reader.skip(4);
      if (!isSilentPair(reader)) return false;
      channels += 2;
    } else return false;
  }
  return false;
}

/** Table 4.11, fill_element(). */
function skipFill(reader: BitFieldReader): void {
  const count = reader.bits(4);
  reader.skip(8 * (count === 15 ? 14 + reader.bits(8) : count));
}

/** Bands of a channel in each of its groups of windows. */
interface ChannelBands {
  readonly isShort: boolean;
  readonly groups: number;
  readonly bands: number;
}

/** Table 4.5, channel_pair_element(). */
function isSilentPair(reader: BitFieldReader): boolean {
  let shared: ChannelBands | null = null;
  if (reader.flag()) {
    shared = readBands(reader);
    if (shared === null) return false;
    if (reader.bits(2) === 1) reader.skip(shared.groups * shared.bands);
  }
  return isSilentChannel(reader, shared) && isSilentChannel(reader, shared);
}

/** Table 4.6, ics_info(); null with prediction, which AAC-LC has not. */
function readBands(reader: BitFieldReader): ChannelBands | null {
  reader.skip(1);
  const isShort = reader.bits(2) === EIGHT_SHORT;
  reader.skip(1);
  const bands = reader.bits(isShort ? 4 : 6);
  if (!isShort) return reader.flag() ? null : { isShort, groups: 1, bands };
  let groups = 1;
  for (let window = 0; window < 7; window += 1) if (!reader.flag()) groups += 1;
  return { isShort, groups, bands };
}

/** Table 4.50, individual_channel_stream(): without a codebook it has no scale factors and no spectrum. */
function isSilentChannel(reader: BitFieldReader, shared: ChannelBands | null): boolean {
  reader.skip(8);
  const bands = shared ?? readBands(reader);
  if (bands === null || !hasNoCodebook(reader, bands)) return false;
  // pulse_data_present, tns_data_present, gain_control_data_present.
  return reader.bits(3) === 0;
}

/** Table 4.52, section_data(). */
function hasNoCodebook(reader: BitFieldReader, { isShort, groups, bands }: ChannelBands): boolean {
  const lengthBits = isShort ? 3 : 5;
  const longest = 2 ** lengthBits - 1;
  for (let group = 0; group < groups; group += 1) {
    for (let band = 0; band < bands; ) {
      if (reader.bits(4) !== 0) return false;
      let length = reader.bits(lengthBits);
      band += length;
      while (length === longest) {
        length = reader.bits(lengthBits);
        band += length;
      }
    }
  }
  return true;
}
