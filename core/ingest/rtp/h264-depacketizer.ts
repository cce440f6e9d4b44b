/** H.264 over RTP (RFC 6184): packets in order become the NAL units of pictures. */
import { concatBytes } from "../../kit/bytes.ts";
import { RTP_LIMITS } from "./limits.ts";
import type { RtpPacket } from "./rtp-packet.ts";

/** The NAL units of one picture, views without start codes, and its RTP timestamp. */
export interface RtpPicture {
  readonly timestamp: number;
  readonly units: readonly Uint8Array[];
}

/** Whether what came of a packet: a complete picture, nothing yet, or a picture that cannot be completed. */
export type DepacketizerStep = RtpPicture | "incomplete" | "broken";

/** Packet types besides those of NAL units, which are 1 to 23 (RFC 6184 §5.2). */
const STAP_A = 24;
const FU_A = 28;
const LAST_UNIT_TYPE = 23;

/** See the file's first line. One picture is held, of at most `pictureBytes`. */
export class H264Depacketizer {
  #timestamp: number | null = null;
  #units: Uint8Array[] = [];
  /** Fragments of the unit that is being put together; empty between units. */
  #fragments: Uint8Array[] = [];
  #bytes = 0;
  #isBroken = false;

  /** Packets before the next one are lost. */
  reset(): void {
    this.#clear();
    this.#timestamp = null;
  }

  /** The next packet. A picture ends with its marker, or with the first packet of another timestamp. */
  push({ timestamp, marker, payload }: RtpPacket): DepacketizerStep[] {
    const steps: DepacketizerStep[] = [];
    if (this.#timestamp !== null && this.#timestamp !== timestamp) steps.push(...this.#finish());
    this.#timestamp = timestamp;
    if (!this.#isBroken) this.#isBroken = !this.#addPayload(payload);
    if (marker) steps.push(...this.#finish());
    return steps;
  }

  #finish(): DepacketizerStep[] {
    const timestamp = this.#timestamp;
    const isBroken = this.#isBroken || this.#fragments.length > 0;
    const units = this.#units;
    this.reset();
    if (isBroken) return ["broken"];
    return timestamp === null || units.length === 0 ? [] : [{ timestamp, units }];
  }

  #clear(): void {
    this.#units = [];
    this.#fragments = [];
    this.#bytes = 0;
    this.#isBroken = false;
  }

  /** Returns false if the payload does not continue the picture. */
  #addPayload(payload: Uint8Array): boolean {
    const [head = 0] = payload;
    // Padding packets have no payload.
    if (payload.byteLength === 0) return true;
    this.#bytes += payload.byteLength;
    if (this.#bytes > RTP_LIMITS.pictureBytes) return false;
    const type = head & 31;
    if (type === FU_A) return this.#addFragment(payload);
    if (this.#fragments.length > 0) return false;
    if (type === STAP_A) return this.#addAggregate(payload);
    return type >= 1 && type <= LAST_UNIT_TYPE && this.#addUnit(payload);
  }

  #addUnit(unit: Uint8Array): boolean {
    if (unit.byteLength === 0 || this.#units.length >= RTP_LIMITS.nalUnits) return false;
    this.#units.push(unit);
    return true;
  }

  /** RFC 6184 §5.7.1: units with their lengths in 16 bits. */
  #addAggregate(payload: Uint8Array): boolean {
    let at = 1;
    while (at < payload.byteLength) {
      const length = ((payload[at] ?? 0) << 8) | (payload[at + 1] ?? 0);
      const end = at + 2 + length;
      if (end > payload.byteLength || !this.#addUnit(payload.subarray(at + 2, end))) return false;
      at = end;
    }
    return true;
  }

  /** RFC 6184 §5.8: an indicator, and a header with start, end and the unit's type. */
  #addFragment(payload: Uint8Array): boolean {
    const [indicator = 0, header = 0] = payload;
    const [isStart, isEnd] = [(header & 0x80) !== 0, (header & 0x40) !== 0];
    if (payload.byteLength < 3 || isStart === this.#fragments.length > 0 || (isStart && isEnd)) return false;
    if (isStart) this.#fragments.push(Uint8Array.of((indicator & 0xe0) | (header & 31)));
    this.#fragments.push(payload.subarray(2));
    if (!isEnd) return true;
    const unit = concatBytes(this.#fragments);
    this.#fragments = [];
    return this.#addUnit(unit);
  }
}
