/** For tests: an encoder's side of RTMP. */
import { concatBytes } from "../../kit/bytes.ts";
import type { IngestEvent } from "../media-event.ts";
import { Amf0Reader, type AmfValue, amfObject, encodeAmf0 } from "./amf0.ts";
import { ChunkReader, EXTENDED_TIMESTAMP, MESSAGE_TYPES, type RtmpMessage } from "./chunk-reader.ts";
import { controlMessage } from "./chunk-writer.ts";
import { HANDSHAKE_BYTES, RTMP_VERSION } from "./handshake.ts";
import { RtmpSession } from "./session.ts";
import type { RtmpSessionEvent, RtmpSessionOutput } from "./session-outbox.ts";

/** C0, C1 and C2. */
export const CLIENT_HANDSHAKE: Uint8Array = new Uint8Array(1 + 2 * HANDSHAKE_BYTES).fill(RTMP_VERSION, 0, 1);

/** Bytes of numbers and texts. */
export function testBytes(...parts: readonly (number | string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  return concatBytes(
    parts.map((part) =>
      typeof part === "number"
        ? new Uint8Array([part])
        : typeof part === "string"
          ? new TextEncoder().encode(part)
          : part,
    ),
  );
}

interface LastHeader {
  readonly message: RtmpMessage;
  readonly field: number;
}

/** Writes chunks with every type of header. */
export class TestChunkEncoder {
  chunkBytes = 128;
  readonly #last = new Map<number, LastHeader>();

  /** The chunks of a message; `isCompact`: with the shortest header that is possible. */
  chunks(id: number, message: RtmpMessage, isCompact = false): Uint8Array[] {
    const { timestamp, payload, type, streamId } = message;
    const last = isCompact ? this.#last.get(id) : undefined;
    const delta = last === undefined ? 0 : timestamp - last.message.timestamp;
    const hasDelta = last !== undefined && delta >= 0 && last.message.streamId === streamId;
    const isSame = hasDelta && last.message.type === type && last.message.payload.length === payload.length;
    const field = hasDelta ? delta : timestamp;
    const format = !hasDelta ? 0 : !isSame ? 1 : field === last.field ? 3 : 2;
    this.#last.set(id, { message, field });
    const extended = field >= EXTENDED_TIMESTAMP ? bigEndian(field, 4) : [];
    const header = [
      ...(format < 3 ? bigEndian(Math.min(field, EXTENDED_TIMESTAMP), 3) : []),
      ...(format < 2 ? [...bigEndian(payload.length, 3), type] : []),
      ...(format === 0 ? bigEndian(streamId, 4).reverse() : []),
    ];
    const chunks = [testBytes(basicHeader(format, id), new Uint8Array([...header, ...extended]))];
    for (let at = 0; at < payload.length || at === 0; at += this.chunkBytes) {
      const first = at === 0 ? chunks.pop() : testBytes(basicHeader(3, id), new Uint8Array(extended));
      chunks.push(testBytes(first ?? "", payload.subarray(at, at + this.chunkBytes)));
    }
    return chunks;
  }

  /** The same as one piece. */
  write(id: number, message: RtmpMessage, isCompact = false): Uint8Array {
    return concatBytes(this.chunks(id, message, isCompact));
  }
}

function basicHeader(format: number, id: number): Uint8Array {
  const first = format << 6;
  if (id < 64) return new Uint8Array([first | id]);
  if (id < 320) return new Uint8Array([first, id - 64]);
  return new Uint8Array([first | 1, (id - 64) & 255, (id - 64) >> 8]);
}

/** A number as big-endian bytes. */
export function bigEndian(value: number, length: number): number[] {
  return Array.from({ length }, (_, at) => Math.floor(value / 256 ** (length - 1 - at)) % 256);
}

/** A command of an encoder. */
export function clientCommand(streamId: number, ...values: readonly AmfValue[]): RtmpMessage {
  return { type: MESSAGE_TYPES.commandAmf0, streamId, timestamp: 0, payload: encodeAmf0(...values) };
}

/** A media message on the published stream. */
export function mediaMessage(
  type: "audio" | "video" | "dataAmf0",
  timestamp: number,
  payload: Uint8Array,
): RtmpMessage {
  return { type: MESSAGE_TYPES[type], streamId: 1, timestamp, payload };
}

/** The commands from `connect` to `publish`. */
export function publishCommands(application: string, name: string, connect: Record<string, AmfValue> = {}): Uint8Array {
  const encoder = new TestChunkEncoder();
  const properties = { app: application, type: "nonprivate", tcUrl: `rtmp://localhost/${application}`, ...connect };
  return concatBytes([
    encoder.write(3, clientCommand(0, "connect", 1, amfObject(properties))),
    encoder.write(3, clientCommand(0, "releaseStream", 2, null, name)),
    encoder.write(3, clientCommand(0, "FCPublish", 3, null, name)),
    encoder.write(3, clientCommand(0, "createStream", 4, null)),
    encoder.write(3, clientCommand(1, "publish", 5, null, name, "live")),
  ]);
}

/** A session whose sender has published, with the chunk encoder of its client. */
export function publishingSession(connect: Record<string, AmfValue> = {}): {
  readonly session: RtmpSession;
  readonly encoder: TestChunkEncoder;
} {
  const session = new RtmpSession(() => 0.5);
  session.receive(CLIENT_HANDSHAKE);
  session.receive(publishCommands("live/demo", "corral_a_b", connect));
  session.accept();
  return { session, encoder: new TestChunkEncoder() };
}

/** A message that a session sent, with the values of a command. */
export interface SentMessage extends RtmpMessage {
  readonly values: readonly AmfValue[];
  /** The information object of a status, empty otherwise. */
  readonly status: Readonly<Record<string, AmfValue>>;
}

/** What a session sends from its handshake on, or (`isLater`) after the answer to `connect`, which sets the chunk size. */
export function sentMessages(outputs: readonly RtmpSessionOutput[], isLater = true): SentMessage[] {
  const reader = new ChunkReader();
  const bytes = concatBytes(outputs.flatMap(({ send }) => send));
  if (isLater) reader.read(new TestChunkEncoder().write(2, controlMessage("setChunkSize", 4_096))).next();
  return [...reader.read(isLater ? bytes : bytes.subarray(CLIENT_HANDSHAKE.length))].map((message) => {
    const values: AmfValue[] = [];
    const amf = new Amf0Reader(message.type === MESSAGE_TYPES.commandAmf0 ? message.payload : new Uint8Array());
    while (!amf.isAtEnd) values.push(amf.value());
    const information = values[3];
    return { ...message, values, status: information instanceof Map ? Object.fromEntries(information) : {} };
  });
}

/** The media events among `events`. */
export function mediaEvents(events: readonly RtmpSessionEvent[]): IngestEvent[] {
  return events.flatMap((event) => (event.kind === "media" ? [event.media] : []));
}

/** A minimal `avcC`. */
export const TEST_AVCC: Uint8Array = new Uint8Array([1, 0x42, 0, 0x1e, 0xff, 0xe1, 0, 1, 0x67, 1, 0, 1, 0x68]);
/** A minimal `hvcC`. */
export const TEST_HVCC: Uint8Array = new Uint8Array(23).fill(1, 0, 1).fill(3, 21, 22);
/** A minimal `av1C`. */
export const TEST_AV1C: Uint8Array = new Uint8Array([0x81, 0, 0, 0]);
/** AudioSpecificConfig of AAC LC, 48 kHz, stereo. */
export const TEST_AAC_CONFIG: Uint8Array = new Uint8Array([0x11, 0x90]);
