/** Commands of NetConnection and NetStream (RTMP 1.0, section 7.2): parsing, and the answers that encoders understand. */
import { concatBytes } from "../../kit/bytes.ts";
import { Amf0Reader, type AmfObject, type AmfValue, amfObject, encodeAmf0 } from "./amf0.ts";
import { MESSAGE_TYPES, type RtmpMessage } from "./chunk-reader.ts";
import { AUDIO_FOUR_CCS } from "./flv-audio.ts";
import { VIDEO_FOUR_CCS } from "./flv-video.ts";
import { RtmpError } from "./rtmp-error.ts";

/** Bits of `capsEx` (Enhanced RTMP v2). Nanosecond offsets are read but rounded to milliseconds, so that bit is not set. */
const CAPABILITIES = { reconnect: 1, multitrack: 2, modEx: 4 } as const;
/** `FourCcInfoMask.CanForward`. */
const CAN_FORWARD = 4;

const infoMap = (fourCcs: readonly string[]): AmfObject => new Map(fourCcs.map((fourCc) => [fourCc, CAN_FORWARD]));

/** Properties and information of the answer to `connect`: the same for all. */
const CONNECT_VALUES = encodeAmf0(
  // Some encoders require the version of a known server.
  amfObject({ fmsVer: "FMS/3,0,1,123", capabilities: 31 }),
  amfObject({
    level: "status",
    code: "NetConnection.Connect.Success",
    description: "The connection succeeded.",
    objectEncoding: 0,
    fourCcList: [...VIDEO_FOUR_CCS, ...AUDIO_FOUR_CCS],
    videoFourCcInfoMap: infoMap(VIDEO_FOUR_CCS),
    audioFourCcInfoMap: infoMap(AUDIO_FOUR_CCS),
    capsEx: CAPABILITIES.reconnect | CAPABILITIES.multitrack | CAPABILITIES.modEx,
  }),
);

/** A command from the sender. */
export interface RtmpCommand {
  readonly name: string;
  /** Zero if no answer is expected. */
  readonly transactionId: number;
  /** Null if it is not an object. */
  readonly commandObject: AmfObject | null;
  readonly args: readonly AmfValue[];
  /** The message stream that it concerns. */
  readonly streamId: number;
}

/** Codes of statuses with the levels that they carry. */
const STATUS_LEVELS = {
  "NetConnection.Connect.Rejected": "error",
  "NetConnection.Connect.ReconnectRequest": "status",
  "NetStream.Publish.Start": "status",
  "NetStream.Publish.BadName": "error",
  "NetStream.Publish.Rejected": "error",
  "NetStream.Unpublish.Success": "status",
} as const;

/** A status code. */
export type StatusCode = keyof typeof STATUS_LEVELS;

/** Decodes a command message of type 20 or 17. Throws `RtmpError` if it is malformed. */
export function decodeCommand({ type, streamId, payload }: RtmpMessage): RtmpCommand {
  // "Message payload for message types of 15, 16 and 17 starts with a format selector byte", zero for AMF 0.
  if (type === MESSAGE_TYPES.commandAmf3 && payload[0] !== 0) throw new RtmpError("A command's format is unknown.");
  const reader = new Amf0Reader(type === MESSAGE_TYPES.commandAmf3 ? payload.subarray(1) : payload);
  const values: AmfValue[] = [];
  // Each value counts towards the limit of the message.
  while (!reader.isAtEnd) values.push(reader.value());
  const [name, transactionId, commandObject, ...args] = values;
  if (typeof name !== "string") throw new RtmpError("A command has no name.");
  return {
    name,
    transactionId: typeof transactionId === "number" ? transactionId : 0,
    commandObject: isObject(commandObject) ? commandObject : null,
    args,
    streamId,
  };
}

/** Any command of the server. */
export function commandMessage(streamId: number, ...values: readonly AmfValue[]): RtmpMessage {
  return { type: MESSAGE_TYPES.commandAmf0, streamId, timestamp: 0, payload: encodeAmf0(...values) };
}

/** The information object of a status. */
export function statusObject(code: StatusCode, description: string): AmfObject {
  return amfObject({ level: STATUS_LEVELS[code], code, description });
}

/** An `onStatus` command. */
export function statusMessage(streamId: number, code: StatusCode, description: string): RtmpMessage {
  return commandMessage(streamId, "onStatus", 0, null, statusObject(code, description));
}

/** The answer to a `connect` that is accepted, with the codecs and capabilities of Enhanced RTMP. */
export function connectResult(transactionId: number): RtmpMessage {
  const payload = concatBytes([encodeAmf0("_result", transactionId), CONNECT_VALUES]);
  return { type: MESSAGE_TYPES.commandAmf0, streamId: 0, timestamp: 0, payload };
}

/** A request to reconnect; `url` null: to the same server. */
export function reconnectRequest(url: string | null, description: string): RtmpMessage {
  const status = statusObject("NetConnection.Connect.ReconnectRequest", description);
  return commandMessage(0, "onStatus", 0, null, url === null ? status : new Map([...status, ["tcUrl", url]]));
}

/** Whether the `connect` command declares that the sender follows reconnect requests. */
export function canReconnect({ commandObject }: RtmpCommand): boolean {
  const capabilities = commandObject?.get("capsEx");
  return typeof capabilities === "number" && (capabilities & CAPABILITIES.reconnect) !== 0;
}

const isObject = (value: AmfValue | undefined): value is AmfObject => value instanceof Map;
