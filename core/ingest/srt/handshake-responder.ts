/** The listener's side of the handshake: answers inductions without state and reads conclusions. */
import type { StreamName } from "../../kit/ids.ts";
import { CookieJar, type SrtPeer } from "./cookie.ts";
import type { SrtCrypto } from "./crypto.ts";
import {
  decodeExtensionText,
  encodeHandshake,
  HANDSHAKE_EXTENSION,
  HANDSHAKE_TYPE,
  type HandshakeExtension,
  parseHandshake,
  type SrtHandshake,
} from "./handshake.ts";
import { type KeyMaterial, parseKeyMaterial } from "./key-material.ts";
import { SRT_LIMITS } from "./limits.ts";
import { encodeControlPacket, SRT_CONTROL, type SrtControlPacket, viewOf } from "./packet.ts";
import { SRT_REJECT, type SrtRejectReason } from "./reject-reasons.ts";
import { parseStreamId } from "./stream-id.ts";

const VERSION = 5;
/** "SRT magic code" of an induction response. */
const MAGIC = 0x4a17;
/** major * 0x10000 + minor * 0x100 + patch of the protocol's features spoken here. */
const SRT_VERSION = 0x01_05_00;
/** TSBPDSND, TSBPDRCV, CRYPT, TLPKTDROP, PERIODICNAK, REXMITFLG. */
const FEATURES = 0x3f;
/** The STREAM flag: buffer mode. */
const STREAM_FLAG = 0x40;
/** The oldest library with handshakes of version 5. */
const MIN_SRT_VERSION = 0x01_03_00;

/** A caller that returned its cookie and asks to publish. Its passphrase is not checked yet. */
export interface SrtConclusion {
  readonly kind: "conclusion";
  readonly callerSocketId: number;
  readonly initialSequence: number;
  /** The caller's time of sending, for the clock of deliveries. */
  readonly timestampUs: number;
  readonly maxPacketBytes: number;
  /** Receiver and sender latency that the caller proposes, milliseconds. */
  readonly receiverLatencyMs: number;
  readonly senderLatencyMs: number;
  readonly stream: StreamName;
  readonly keyId: string;
  readonly keyMaterial: KeyMaterial;
  /** The key-material message as sent: its echo confirms the keys. */
  readonly keyMaterialBytes: Uint8Array;
}

/** What to do with a handshake packet: answer at once, look the key up, or nothing. */
export type HandshakeStep =
  | { readonly kind: "reply"; readonly packet: Uint8Array }
  | { readonly kind: "refuse"; readonly callerSocketId: number; readonly reason: SrtRejectReason }
  | SrtConclusion
  | { readonly kind: "ignore" };

const IGNORE: HandshakeStep = { kind: "ignore" };

/** Reads handshakes. It has no state but the secret of its cookies. */
export class HandshakeResponder {
  readonly #cookies: CookieJar;

  /** `secret`: 32 random bytes. */
  constructor(crypto: SrtCrypto, secret: Uint8Array) {
    this.#cookies = new CookieJar(crypto, secret);
  }

  /** `packet`: a handshake control packet with the destination 0. Packets without a valid cookie get at most their size back. */
  step(packet: SrtControlPacket, peer: SrtPeer, nowMs: number): HandshakeStep {
    const handshake = parseHandshake(packet.body);
    if (handshake === null) return IGNORE;
    if (handshake.type === HANDSHAKE_TYPE.induction) {
      return { kind: "reply", packet: answerInduction(handshake, this.#cookies.issue(peer, nowMs)) };
    }
    if (handshake.type !== HANDSHAKE_TYPE.conclusion) return IGNORE;
    if (!this.#cookies.isValid(peer, handshake.cookie, nowMs)) return IGNORE;
    return readConclusion(handshake, packet.timestampUs);
  }
}

function answerInduction(handshake: SrtHandshake, cookie: number): Uint8Array {
  const { initialSequence, maxPacketBytes, flowWindow, socketId } = handshake;
  const type = HANDSHAKE_TYPE.induction;
  const fields = { initialSequence, maxPacketBytes, flowWindow, type, socketId, cookie };
  return encodeReply(socketId, { ...fields, version: VERSION, encryption: 0, extensionField: MAGIC, extensions: [] });
}

function readConclusion(handshake: SrtHandshake, timestampUs: number): HandshakeStep {
  const callerSocketId = handshake.socketId;
  const refuse = (reason: SrtRejectReason): HandshakeStep => ({ kind: "refuse", callerSocketId, reason });
  if (handshake.version !== VERSION) return refuse(SRT_REJECT.version);
  const find = (type: number): Uint8Array | undefined =>
    handshake.extensions.find((extension) => extension.type === type)?.content;
  const request = find(HANDSHAKE_EXTENSION.request);
  if (request === undefined || request.byteLength < 12) return refuse(SRT_REJECT.rogue);
  const view = viewOf(request);
  if (view.getUint32(0) < MIN_SRT_VERSION) return refuse(SRT_REJECT.version);
  if ((view.getUint32(4) & STREAM_FLAG) !== 0) return refuse(SRT_REJECT.messageApi);
  const congestion = find(HANDSHAKE_EXTENSION.congestion);
  if (congestion !== undefined && decodeExtensionText(congestion) !== "live") return refuse(SRT_REJECT.congestion);
  if (find(HANDSHAKE_EXTENSION.filter) !== undefined) return refuse(SRT_REJECT.filter);
  if (find(HANDSHAKE_EXTENSION.group) !== undefined) return refuse(SRT_REJECT.group);

  const streamIdBytes = find(HANDSHAKE_EXTENSION.streamId);
  if (streamIdBytes === undefined || streamIdBytes.byteLength > SRT_LIMITS.streamIdBytes) {
    return refuse(SRT_REJECT.badRequest);
  }
  const text = decodeExtensionText(streamIdBytes);
  const streamId = text === null ? null : parseStreamId(text);
  if (streamId === null) return refuse(SRT_REJECT.badRequest);
  if (!streamId.ok) return refuse(streamId.reason);

  const keyMaterialBytes = find(HANDSHAKE_EXTENSION.keyRequest);
  if (keyMaterialBytes === undefined) return refuse(SRT_REJECT.unsecure);
  const keyMaterial = parseKeyMaterial(keyMaterialBytes);
  if (keyMaterial === null) return refuse(SRT_REJECT.rogue);
  if (!keyMaterial.isSupportedCipher) return refuse(SRT_REJECT.crypto);
  return {
    kind: "conclusion",
    callerSocketId,
    initialSequence: handshake.initialSequence,
    timestampUs,
    maxPacketBytes: handshake.maxPacketBytes,
    receiverLatencyMs: view.getUint16(8),
    senderLatencyMs: view.getUint16(10),
    stream: streamId.stream,
    keyId: streamId.keyId,
    keyMaterial,
    keyMaterialBytes,
  };
}

/** Latencies of an accepted connection, milliseconds. */
export interface NegotiatedLatency {
  /** From the caller's sending to the delivery here. */
  readonly receiverMs: number;
  /** In the other direction, in which nothing is sent. */
  readonly senderMs: number;
}

/** "The value for latency is always agreed to be the greater of those reported by each party", up to the limit. */
export function negotiateLatency(conclusion: SrtConclusion, latencyMs: number): NegotiatedLatency {
  const agree = (proposedMs: number): number => Math.min(SRT_LIMITS.latencyMs, Math.max(latencyMs, proposedMs));
  return { receiverMs: agree(conclusion.senderLatencyMs), senderMs: agree(conclusion.receiverLatencyMs) };
}

/** The packet that accepts a caller; `socketId` is this side's. */
export function encodeAcceptance(conclusion: SrtConclusion, socketId: number, latency: NegotiatedLatency): Uint8Array {
  const response = new Uint8Array(12);
  const view = viewOf(response);
  view.setUint32(0, SRT_VERSION);
  view.setUint32(4, FEATURES);
  view.setUint16(8, latency.receiverMs);
  view.setUint16(10, latency.senderMs);
  const extensions: HandshakeExtension[] = [
    { type: HANDSHAKE_EXTENSION.response, content: response },
    { type: HANDSHAKE_EXTENSION.keyResponse, content: conclusion.keyMaterialBytes },
  ];
  return encodeReply(conclusion.callerSocketId, {
    version: VERSION,
    encryption: 0,
    // HSREQ and KMREQ are present.
    extensionField: 3,
    initialSequence: conclusion.initialSequence,
    maxPacketBytes: Math.min(conclusion.maxPacketBytes, SRT_LIMITS.packetBytes + 28),
    flowWindow: SRT_LIMITS.bufferPackets,
    type: HANDSHAKE_TYPE.conclusion,
    socketId,
    cookie: 0,
    extensions,
  });
}

/** The packet that refuses a caller: as long as a handshake without extensions. */
export function encodeRefusal(callerSocketId: number, reason: SrtRejectReason): Uint8Array {
  return encodeReply(callerSocketId, {
    version: VERSION,
    encryption: 0,
    extensionField: 0,
    initialSequence: 0,
    maxPacketBytes: SRT_LIMITS.packetBytes + 28,
    flowWindow: SRT_LIMITS.bufferPackets,
    type: HANDSHAKE_TYPE.refusal + reason,
    socketId: 0,
    cookie: 0,
    extensions: [],
  });
}

function encodeReply(callerSocketId: number, handshake: SrtHandshake): Uint8Array {
  const body = encodeHandshake(handshake);
  const fields = { type: SRT_CONTROL.handshake, subtype: 0, info: 0, timestampUs: 0 };
  return encodeControlPacket({ ...fields, socketId: callerSocketId, body });
}
