import fc from "fast-check";
import { expect, test } from "vitest";
import {
  appendDeviceKeyMac,
  assignNetworkSlot,
  classifyDeviceKeyAge,
  DEVICE_KEY_LIMITS,
  type DeviceKey,
  decodeDeviceKey,
  encodeDeviceKey,
} from "./device-key.ts";

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const aKey: fc.Arbitrary<DeviceKey> = fc.record({ id: bytes(16), homeTag: bytes(9), signedS: fc.nat(0xffffffff) });

test("an encoded device key decodes to the same key, and bytes of another length are refused", () => {
  fc.assert(
    fc.property(aKey, bytes(16), fc.nat(80), (key, mac, length) => {
      const all = appendDeviceKeyMac(encodeDeviceKey(key), mac);
      // In base64url no two texts decode to the same bytes.
      expect([(all.byteLength * 4) / 3, all.byteLength % 3]).toEqual([DEVICE_KEY_LIMITS.chars, 0]);
      expect(decodeDeviceKey(all)).toEqual({ key, body: encodeDeviceKey(key), mac });
      if (length !== all.byteLength) expect(decodeDeviceKey(new Uint8Array(length))).toBeNull();
    }),
  );
});

test("a key is valid for a day, then due for renewal until its expiry, and invalid outside its lifetime", () => {
  const key = { id: new Uint8Array(16), homeTag: new Uint8Array(9), signedS: 1_800_000_000 };
  const madeMs = 1_000 * key.signedS;
  const { renewalMs, lifetimeMs } = DEVICE_KEY_LIMITS;
  const ages = [-60_001, -60_000, 0, renewalMs, renewalMs + 1, lifetimeMs, lifetimeMs + 1].map((ms) =>
    classifyDeviceKeyAge(key, madeMs + ms),
  );
  expect(ages).toEqual(["over", "good", "good", "good", "due", "due", "over"]);
});

test("keys spread evenly over a network's slots, so a network has at most that many distinct devices", () => {
  const places = 50;
  const taken = new Map<number, number>();
  const random = fc.sample(bytes(16), { numRuns: 20_000, seed: 7 });
  for (const id of random) {
    // fast-check prefers small bytes; the test only needs a hash that spreads.
    const spread = {
      id: Uint8Array.from(id, (byte, at) => (byte * 197 + at * 89) & 255),
      homeTag: new Uint8Array(9),
      signedS: 0,
    };
    const place = assignNetworkSlot(spread, places);
    expect(place).toBeGreaterThanOrEqual(0);
    expect(place).toBeLessThan(places);
    taken.set(place, (taken.get(place) ?? 0) + 1);
  }
  expect(taken.size).toBe(places);
});
