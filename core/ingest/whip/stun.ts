/** The STUN server of ICE lite (RFC 8489, RFC 8445): checks are verified and answered, none is ever sent. Pure. */
import { concatBytes } from "../../kit/bytes.ts";
import { WHIP_LIMITS } from "./limits.ts";

/** HMAC-SHA1 of `bytes`. */
export type HmacSha1 = (key: Uint8Array, bytes: Uint8Array) => Uint8Array;

/** A connectivity check, not yet verified. */
export interface StunCheck {
  readonly transaction: Uint8Array;
  /** The fragment of this side, and that of the sender. */
  readonly localFragment: string;
  readonly remoteFragment: string;
  /** Whether the sender has chosen this pair of addresses. */
  readonly isNominating: boolean;
  /** What the integrity code covers, and the code. */
  readonly covered: Uint8Array;
  readonly integrity: Uint8Array;
}

/** Numbers of RFC 8489 and RFC 8445. */
const STUN = {
  bindingRequest: 0x0001,
  bindingSuccess: 0x0101,
  magic: 0x2112_a442,
  headerBytes: 20,
  integrityBytes: 20,
  fingerprintXor: 0x5354_554e,
} as const;
const ATTRIBUTE = {
  username: 0x0006,
  integrity: 0x0008,
  xorMappedAddress: 0x0020,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
};
const USERNAME = /^([A-Za-z0-9+/]{4,256}):([A-Za-z0-9+/]{4,256})$/;

/** Reads a binding request with username and integrity; null for anything else. */
export function parseStunCheck(bytes: Uint8Array): StunCheck | null {
  if (bytes.byteLength < STUN.headerBytes || bytes.byteLength > WHIP_LIMITS.stunBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isRequest = view.getUint16(0) === STUN.bindingRequest && view.getUint32(4) === STUN.magic;
  if (!isRequest || view.getUint16(2) !== bytes.byteLength - STUN.headerBytes) return null;
  let at = STUN.headerBytes;
  let username: string | null = null;
  let isNominating = false;
  for (let count = 0; at + 4 <= bytes.byteLength && count < WHIP_LIMITS.stunAttributes; count += 1) {
    const [type, length] = [view.getUint16(at), view.getUint16(at + 2)];
    const value = bytes.subarray(at + 4, at + 4 + length);
    if (value.byteLength !== length) return null;
    if (type === ATTRIBUTE.username) username = String.fromCharCode(...value);
    else if (type === ATTRIBUTE.useCandidate) isNominating = true;
    else if (type === ATTRIBUTE.integrity) {
      const [, localFragment, remoteFragment] = USERNAME.exec(username ?? "") ?? [];
      if (localFragment === undefined || remoteFragment === undefined || length !== STUN.integrityBytes) return null;
      // "the length … MUST … point to the end of the MESSAGE-INTEGRITY attribute".
      const covered = bytes.slice(0, at);
      new DataView(covered.buffer).setUint16(2, at + 4 + STUN.integrityBytes - STUN.headerBytes);
      const transaction = bytes.slice(8, STUN.headerBytes);
      return { transaction, localFragment, remoteFragment, isNominating, covered, integrity: value };
    }
    at += 4 + length + (-length & 3);
  }
  return null;
}

/** Whether the check was made with this side's password; `isEqual` compares in constant time. */
export function verifyStunCheck(
  { covered, integrity }: StunCheck,
  password: string,
  hmac: HmacSha1,
  isEqual: (a: Uint8Array, b: Uint8Array) => boolean,
): boolean {
  return isEqual(hmac(new TextEncoder().encode(password), covered), integrity);
}

/** The answer to a verified check. `address`: the bytes of the sender's IP address, 4 or 16. */
export function writeStunSuccess(
  { transaction }: Pick<StunCheck, "transaction">,
  { address, port }: { readonly address: Uint8Array; readonly port: number },
  password: string,
  hmac: HmacSha1,
): Uint8Array {
  const head = new Uint8Array(STUN.headerBytes);
  const view = new DataView(head.buffer);
  view.setUint16(0, STUN.bindingSuccess);
  view.setUint32(4, STUN.magic);
  head.set(transaction, 8);
  const mask = head.subarray(4);
  const mapped = new Uint8Array(4 + address.byteLength);
  mapped[1] = address.byteLength === 4 ? 1 : 2;
  new DataView(mapped.buffer).setUint16(2, port ^ (STUN.magic >>> 16));
  for (const [i, byte] of address.entries()) mapped[4 + i] = byte ^ (mask[i] ?? 0);
  const body = concatBytes([head, writeAttribute(ATTRIBUTE.xorMappedAddress, mapped)]);
  setLength(body, body.byteLength + 4 + STUN.integrityBytes);
  const code = hmac(new TextEncoder().encode(password), body);
  const signed = concatBytes([body, writeAttribute(ATTRIBUTE.integrity, code)]);
  setLength(signed, signed.byteLength + 8);
  const fingerprint = new Uint8Array(4);
  new DataView(fingerprint.buffer).setUint32(0, (crc32(signed) ^ STUN.fingerprintXor) >>> 0);
  return concatBytes([signed, writeAttribute(ATTRIBUTE.fingerprint, fingerprint)]);
}

/** The message will have so many bytes in all. */
function setLength(message: Uint8Array, byteLength: number): void {
  new DataView(message.buffer, message.byteOffset).setUint16(2, byteLength - STUN.headerBytes);
}

function writeAttribute(type: number, value: Uint8Array): Uint8Array {
  const attribute = new Uint8Array(4 + value.byteLength);
  const view = new DataView(attribute.buffer);
  view.setUint16(0, type);
  view.setUint16(2, value.byteLength);
  attribute.set(value, 4);
  return attribute;
}

/** CRC-32 of ITU-T V.42, reflected. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0xedb8_8320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
