/** Handshake packets of version 5: fields and extensions. */
import { SRT_LIMITS } from "./limits.ts";
import { viewOf } from "./packet.ts";

/** Handshake types. A refusal has the type 1000 plus its reason. */
export const HANDSHAKE_TYPE = { induction: 1, conclusion: 0xffff_ffff, refusal: 1_000 } as const;

/** Types of handshake extensions. */
export const HANDSHAKE_EXTENSION = {
  request: 1,
  response: 2,
  keyRequest: 3,
  keyResponse: 4,
  streamId: 5,
  congestion: 6,
  filter: 7,
  group: 8,
} as const;

/** Bytes of a handshake's body without extensions. */
const HANDSHAKE_BYTES = 48;

/** One extension; `content` is a view, a multiple of 4 bytes. */
export interface HandshakeExtension {
  readonly type: number;
  readonly content: Uint8Array;
}

/** The body of a handshake packet. The peer's address is not kept: no side relies on it. */
export interface SrtHandshake {
  readonly version: number;
  /** Advertised cipher: 0 none, 2–4 AES with 128–256 bits. */
  readonly encryption: number;
  /** Flags of the extensions; 0x4A17 in an induction response. */
  readonly extensionField: number;
  readonly initialSequence: number;
  readonly maxPacketBytes: number;
  readonly flowWindow: number;
  readonly type: number;
  /** The socket id of the side that sends the handshake. */
  readonly socketId: number;
  readonly cookie: number;
  readonly extensions: readonly HandshakeExtension[];
}

/** The handshake in the body of a control packet, or null if it is malformed. */
export function parseHandshake(body: Uint8Array): SrtHandshake | null {
  if (body.byteLength < HANDSHAKE_BYTES) return null;
  const view = viewOf(body);
  const extensions = parseExtensions(body);
  if (extensions === null) return null;
  return {
    version: view.getUint32(0),
    encryption: view.getUint16(4),
    extensionField: view.getUint16(6),
    initialSequence: view.getUint32(8) & 0x7fff_ffff,
    maxPacketBytes: view.getUint32(12),
    flowWindow: view.getUint32(16),
    type: view.getUint32(20),
    socketId: view.getUint32(24),
    cookie: view.getUint32(28),
    extensions,
  };
}

function parseExtensions(body: Uint8Array): HandshakeExtension[] | null {
  const view = viewOf(body);
  const extensions: HandshakeExtension[] = [];
  let at = HANDSHAKE_BYTES;
  while (at < body.byteLength) {
    if (extensions.length === SRT_LIMITS.handshakeExtensions || at + 4 > body.byteLength) return null;
    const end = at + 4 + 4 * view.getUint16(at + 2);
    if (end > body.byteLength) return null;
    extensions.push({ type: view.getUint16(at), content: body.subarray(at + 4, end) });
    at = end;
  }
  return extensions;
}

/** The body of a handshake packet. */
export function encodeHandshake(handshake: SrtHandshake): Uint8Array<ArrayBuffer> {
  const { extensions } = handshake;
  const byteLength = extensions.reduce((sum, { content }) => sum + 4 + content.byteLength, HANDSHAKE_BYTES);
  const body = new Uint8Array(byteLength);
  const view = viewOf(body);
  view.setUint32(0, handshake.version);
  view.setUint16(4, handshake.encryption);
  view.setUint16(6, handshake.extensionField);
  view.setUint32(8, handshake.initialSequence);
  view.setUint32(12, handshake.maxPacketBytes);
  view.setUint32(16, handshake.flowWindow);
  view.setUint32(20, handshake.type);
  view.setUint32(24, handshake.socketId);
  view.setUint32(28, handshake.cookie);
  let at = HANDSHAKE_BYTES;
  for (const { type, content } of extensions) {
    view.setUint16(at, type);
    view.setUint16(at + 2, content.byteLength / 4);
    body.set(content, at + 4);
    at += 4 + content.byteLength;
  }
  return body;
}

/** Text of an extension: its 32-bit words are sent with their bytes reversed, and the last one is padded with zeros. */
export function decodeExtensionText(content: Uint8Array): string | null {
  const bytes = reverseWords(content);
  const padding = bytes.indexOf(0);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(padding === -1 ? bytes : bytes.subarray(0, padding));
  } catch {
    return null;
  }
}

/** The bytes of each 32-bit word in reverse order. */
export function reverseWords(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const words = new Uint8Array(Math.ceil(content.byteLength / 4) * 4);
  content.forEach((byte, at) => {
    words[at - (at % 4) + 3 - (at % 4)] = byte;
  });
  return words;
}
