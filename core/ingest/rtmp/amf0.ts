/** Action Message Format 0: the values of commands and data messages, with bounded depth, count and lengths. */
import { RTMP_LIMITS } from "./limits.ts";
import { PayloadReader } from "./payload-reader.ts";
import { RtmpError } from "./rtmp-error.ts";

/** A value. Dates are their milliseconds, undefined and unsupported values null, typed objects and ECMA arrays objects. */
export type AmfValue = number | boolean | string | null | AmfObject | readonly AmfValue[];
/** An object's properties. */
export type AmfObject = ReadonlyMap<string, AmfValue>;

/** Type markers (AMF 0, section 2.1). */
const MARKERS = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
  xmlDocument: 15,
  typedObject: 16,
} as const;

const encoder = new TextEncoder();
// A byte order mark is part of the text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes a sequence of values. */
export class Amf0Reader {
  readonly #reader: PayloadReader;
  #valuesLeft: number = RTMP_LIMITS.amfValues;

  constructor(bytes: Uint8Array) {
    this.#reader = new PayloadReader(bytes, "An AMF value");
  }

  get isAtEnd(): boolean {
    return this.#reader.left === 0;
  }

  /** The next value. Throws `RtmpError` if it is malformed or exceeds `RTMP_LIMITS`. */
  value(depth = 0): AmfValue {
    if (depth > RTMP_LIMITS.amfDepth) throw new RtmpError(`AMF values are nested deeper than ${RTMP_LIMITS.amfDepth}.`);
    if (this.#valuesLeft-- <= 0) throw new RtmpError(`A message has more than ${RTMP_LIMITS.amfValues} AMF values.`);
    const reader = this.#reader;
    const marker = reader.u8();
    switch (marker) {
      case MARKERS.number:
        return reader.f64();
      case MARKERS.boolean:
        return reader.u8() !== 0;
      case MARKERS.string:
        return this.#text(reader.u16());
      case MARKERS.object:
        return this.#properties(depth);
      case MARKERS.null:
      case MARKERS.undefined:
      case MARKERS.unsupported:
        return null;
      case MARKERS.ecmaArray:
        // The count is a hint: encoders write zero, or one too many.
        reader.u32();
        return this.#properties(depth);
      case MARKERS.strictArray:
        return this.#array(depth);
      case MARKERS.date: {
        const timeMs = reader.f64();
        // "time-zone … should be set to 0x0000".
        reader.u16();
        return timeMs;
      }
      case MARKERS.longString:
      case MARKERS.xmlDocument:
        return this.#text(reader.u32());
      case MARKERS.typedObject:
        this.#text(reader.u16());
        return this.#properties(depth);
      default:
        throw new RtmpError(`AMF type ${marker} is not supported.`);
    }
  }

  #text(length: number): string {
    if (length > RTMP_LIMITS.amfStringBytes) {
      throw new RtmpError(`An AMF string of ${length} bytes exceeds the limit of ${RTMP_LIMITS.amfStringBytes}.`);
    }
    return decoder.decode(this.#reader.take(length));
  }

  #properties(depth: number): AmfObject {
    const properties = new Map<string, AmfValue>();
    for (;;) {
      const length = this.#reader.u16();
      if (length === 0) {
        if (this.#reader.u8() === MARKERS.objectEnd) return properties;
        throw new RtmpError("An AMF object has a property without a name.");
      }
      const name = this.#text(length);
      properties.set(name, this.value(depth + 1));
    }
  }

  #array(depth: number): readonly AmfValue[] {
    const length = this.#reader.u32();
    if (length > this.#valuesLeft) throw new RtmpError(`An AMF array of ${length} values exceeds the limit.`);
    return Array.from({ length }, () => this.value(depth + 1));
  }
}

/** Encodes values one after another. Property names are not empty and below 65,536 bytes. */
export function encodeAmf0(...values: readonly AmfValue[]): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const value of values) writeValue(bytes, value);
  return new Uint8Array(bytes);
}

/** An object from its properties. */
export function amfObject(properties: Readonly<Record<string, AmfValue>>): AmfObject {
  return new Map(Object.entries(properties));
}

function writeValue(bytes: number[], value: AmfValue): void {
  if (value === null) {
    bytes.push(MARKERS.null);
  } else if (typeof value === "boolean") {
    bytes.push(MARKERS.boolean, value ? 1 : 0);
  } else if (typeof value === "number") {
    const double = new DataView(new ArrayBuffer(8));
    double.setFloat64(0, value);
    bytes.push(MARKERS.number);
    writeNumber(bytes, double.getUint32(0), 4);
    writeNumber(bytes, double.getUint32(4), 4);
  } else if (typeof value === "string") {
    const text = encoder.encode(value);
    const isLong = text.length > 0xffff;
    bytes.push(isLong ? MARKERS.longString : MARKERS.string);
    writeText(bytes, text, isLong ? 4 : 2);
  } else if (isArray(value)) {
    bytes.push(MARKERS.strictArray);
    writeNumber(bytes, value.length, 4);
    for (const item of value) writeValue(bytes, item);
  } else {
    bytes.push(MARKERS.object);
    for (const [name, property] of value) {
      writeText(bytes, encoder.encode(name), 2);
      writeValue(bytes, property);
    }
    bytes.push(0, 0, MARKERS.objectEnd);
  }
}

const isArray = (value: AmfValue): value is readonly AmfValue[] => Array.isArray(value);

function writeText(bytes: number[], text: Uint8Array, lengthBytes: number): void {
  writeNumber(bytes, text.length, lengthBytes);
  for (const byte of text) bytes.push(byte);
}

function writeNumber(bytes: number[], value: number, length: number): void {
  for (let shift = 8 * (length - 1); shift >= 0; shift -= 8) bytes.push((value >>> shift) & 255);
}
