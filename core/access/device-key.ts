/**
 * Device keys: random, signed by the edge, stored by the device and sent on return. Bans reach a device by its key, and
 * viewers without an account are counted by it. The edge accepts only keys that it signed.
 */

/** Limits of device keys, each with its reason. */
export const DEVICE_KEY_LIMITS = {
  /** A key is replaced by a current one after this time: a monthly visitor keeps the same device. */
  renewalMs: 86_400_000,
  /** A key expires after this time: 400 days, the longest lifetime of a cookie. */
  lifetimeMs: 34_560_000_000,
  /** Characters of a key, exactly: its bytes in base64url. */
  chars: 60,
} as const;

/** Bytes of the random id, of the tag of the network that the key was made for, of the time, and of the signature. */
const KEY_BYTES = {
  id: 16,
  homeTag: 9,
  time: 4,
  mac: 16,
} as const;
const BODY_BYTES = KEY_BYTES.id + KEY_BYTES.homeTag + KEY_BYTES.time;

/** The content of a key. */
export interface DeviceKey {
  /** 16 random bytes. */
  readonly id: Uint8Array;
  /** The first network of the device, as 9 bytes that only the edge can compute from it. */
  readonly homeTag: Uint8Array;
  /** When it was signed, whole seconds since the epoch. */
  readonly signedS: number;
}

/** The bytes that are signed. */
export function encodeDeviceKey({ id, homeTag, signedS }: DeviceKey): Uint8Array {
  const bytes = new Uint8Array(BODY_BYTES);
  bytes.set(id);
  bytes.set(homeTag, KEY_BYTES.id);
  new DataView(bytes.buffer).setUint32(KEY_BYTES.id + KEY_BYTES.homeTag, signedS);
  return bytes;
}

/** A key's bytes with its signature. */
export function appendDeviceKeyMac(body: Uint8Array, mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BODY_BYTES + KEY_BYTES.mac);
  bytes.set(body);
  bytes.set(mac.subarray(0, KEY_BYTES.mac), BODY_BYTES);
  return bytes;
}

/** The key and its signature in these bytes, before verification; null if malformed. */
export function decodeDeviceKey(bytes: Uint8Array): { key: DeviceKey; body: Uint8Array; mac: Uint8Array } | null {
  if (bytes.byteLength !== BODY_BYTES + KEY_BYTES.mac) return null;
  const body = bytes.slice(0, BODY_BYTES);
  const key = {
    id: body.slice(0, KEY_BYTES.id),
    homeTag: body.slice(KEY_BYTES.id, KEY_BYTES.id + KEY_BYTES.homeTag),
    signedS: new DataView(body.buffer).getUint32(KEY_BYTES.id + KEY_BYTES.homeTag),
  };
  return { key, body, mac: bytes.slice(BODY_BYTES) };
}

/** Whether a key is valid at `nowMs`, and whether the device should get a newer one. */
export function classifyDeviceKeyAge({ signedS }: DeviceKey, nowMs: number): "good" | "due" | "over" {
  const ageMs = nowMs - 1_000 * signedS;
  // Clocks of the edge's machines differ by less than a minute.
  if (ageMs < -60_000 || ageMs > DEVICE_KEY_LIMITS.lifetimeMs) return "over";
  return ageMs > DEVICE_KEY_LIMITS.renewalMs ? "due" : "good";
}

/**
 * The slot of a device among those of the network that its key was issued for: an estimate of distinct viewers then has at
 * most `places` from one network, however many keys it collects. Collisions are those of the birthday problem.
 */
export function assignNetworkSlot({ id }: DeviceKey, slots: number): number {
  return new DataView(id.buffer, id.byteOffset).getUint32(0) % slots;
}
