/** The error of `core/media/cmaf`. */

/** The kind of error; stable, for programs. */
export type CmafErrorCode =
  | "box-truncated"
  | "box-too-large"
  | "box-invalid"
  | "box-unexpected"
  | "codec-unsupported"
  | "timestamp-invalid"
  | "not-aligned"
  | "no-keyframe"
  | "limit"
  | "state";

/** Where the error is, as far as it is known. */
export interface CmafErrorLocation {
  /** The pipe or track. */
  readonly input?: string;
  /** Path of the box, e.g. `moof/traf/trun`. */
  readonly box?: string;
  /** Byte offset in the input. */
  readonly byteOffset?: number;
  /** Seconds on the input's own timeline. */
  readonly timestampS?: number;
}

/** Media that cannot be packaged. The message names the input and the box (with its byte offset) or the timestamp. */
export class CmafError extends Error {
  override readonly name: string = "CmafError";
  readonly code: CmafErrorCode;
  readonly location: CmafErrorLocation;

  constructor(code: CmafErrorCode, what: string, place: CmafErrorLocation = {}) {
    const where: string[] = [];
    if (place.input !== undefined) where.push(place.input);
    if (place.box !== undefined) where.push(`box ${place.box}`);
    if (place.byteOffset !== undefined) where.push(`at byte ${place.byteOffset}`);
    if (place.timestampS !== undefined) where.push(`at timestamp ${place.timestampS.toFixed(6)} s`);
    super(where.length === 0 ? what : `${where.join(", ")}: ${what}`);
    this.code = code;
    this.location = place;
  }
}
