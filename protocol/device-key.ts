/**
 * A device's key: random, made and signed by the edge, kept by the device and shown by it when it comes back. Bans reach
 * a device by it, and a viewer without an account counts by it. The edge believes no key that it didn't sign.
 */

/** Bounds of device keys, each with its reason. */
export const DEVICE_LIMITS = {
  /** A key is exchanged for one of today after so long: whoever comes every month keeps the same device. */
  renewMs: 86_400_000,
  /** A key opens nothing after so long: 400 days, the longest that browsers keep a cookie. */
  lifeMs: 34_560_000_000,
  /** Characters of a key, neither more nor less: its bytes in base64url. */
  chars: 60,
} as const;

/** Bytes of the random id, of the tag of the network that the key was made for, of the time, and of the signature. */
const ID = 16;
const HOME = 9;
const TIME = 4;
const MAC = 16;
const BODY = ID + HOME + TIME;

/** What a key says. */
export interface DeviceKey {
  /** 16 random bytes. */
  readonly id: Uint8Array;
  /** The first network that it was made for, as 9 bytes that only the edge can make of it. */
  readonly home: Uint8Array;
  /** When it was signed, whole seconds since the epoch. */
  readonly signedS: number;
}

/** The bytes that are signed. */
export function deviceKeyBody({ id, home, signedS }: DeviceKey): Uint8Array {
  const bytes = new Uint8Array(BODY);
  bytes.set(id);
  bytes.set(home, ID);
  new DataView(bytes.buffer).setUint32(ID + HOME, signedS);
  return bytes;
}

/** A key's bytes with its signature. */
export function signedDeviceKey(body: Uint8Array, mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BODY + MAC);
  bytes.set(body);
  bytes.set(mac.subarray(0, MAC), BODY);
  return bytes;
}

/** What bytes say that are to be a key, with the signature that must hold for it; null where they can be none. */
export function readDeviceKey(bytes: Uint8Array): { key: DeviceKey; body: Uint8Array; mac: Uint8Array } | null {
  if (bytes.byteLength !== BODY + MAC) return null;
  const body = bytes.slice(0, BODY);
  const key = {
    id: body.slice(0, ID),
    home: body.slice(ID, ID + HOME),
    signedS: new DataView(body.buffer).getUint32(ID + HOME),
  };
  return { key, body, mac: bytes.slice(BODY) };
}

/** Whether a key still holds at `nowMs`, and whether the device should have a newer one. */
export function ageOf({ signedS }: DeviceKey, nowMs: number): "good" | "due" | "over" {
  const ageMs = nowMs - 1_000 * signedS;
  // Clocks of the edge's machines differ by less than a minute.
  if (ageMs < -60_000 || ageMs > DEVICE_LIMITS.lifeMs) return "over";
  return ageMs > DEVICE_LIMITS.renewMs ? "due" : "good";
}

/**
 * The place of a device among those of the network that its key was made for: an estimate of different people then has at
 * most `places` from one network, however many keys it collects. Two devices share a place as two people share a birthday.
 */
export function placeAmong({ id }: DeviceKey, places: number): number {
  return new DataView(id.buffer, id.byteOffset).getUint32(0) % places;
}
