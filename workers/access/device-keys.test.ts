import { expect, test } from "vitest";
import { DEVICE_KEY_LIMITS } from "../../core/access/device-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { testConfig } from "../testing.ts";
import { deriveAudienceId, deriveDeviceName, type IdentifiedDevice, identifyDevice } from "./device-keys.ts";

const NOW = Date.UTC(2026, 10, 29);
const ROOM = "show" as StreamName;

async function made(network: string, nowMs = NOW): Promise<IdentifiedDevice & { issuedKey: string }> {
  const device = await identifyDevice(testConfig, null, network, nowMs);
  if (device?.issuedKey == null) throw new Error("no key");
  return { ...device, issuedKey: device.issuedKey };
}

test("a key is shown for a day as it is, then exchanged for another of the same device, and expires", async () => {
  const { issuedKey, key } = await made("192.0.2.1");
  expect(await identifyDevice(testConfig, issuedKey, "192.0.2.1", NOW + 1_000)).toEqual({ key, issuedKey: null });
  const next = await identifyDevice(testConfig, issuedKey, "192.0.2.1", NOW + DEVICE_KEY_LIMITS.renewalMs + 1_000);
  expect(next?.issuedKey).toMatch(/^[\w-]{60}$/);
  expect(next?.issuedKey).not.toBe(issuedKey);
  // The same device on any network.
  const moved = await identifyDevice(
    testConfig,
    next?.issuedKey ?? "",
    "203.0.113.9",
    NOW + DEVICE_KEY_LIMITS.renewalMs + 2_000,
  );
  expect(await deriveDeviceName(testConfig, ROOM, moved?.key ?? key)).toBe(
    await deriveDeviceName(testConfig, ROOM, key),
  );
  expect(await deriveAudienceId(testConfig, ROOM, moved?.key ?? key)).toBe(
    await deriveAudienceId(testConfig, ROOM, key),
  );
  const over = await identifyDevice(testConfig, issuedKey, "192.0.2.1", NOW + DEVICE_KEY_LIMITS.lifetimeMs + 1_000);
  expect(await deriveDeviceName(testConfig, ROOM, over?.key ?? key)).not.toBe(
    await deriveDeviceName(testConfig, ROOM, key),
  );
});

test("keys of another secret are refused, and rooms know a device by unlinkable names", async () => {
  const { issuedKey, key } = await made("192.0.2.2");
  const other = { edgeSecret: "another-secret-of-thirty-two-bytes" };
  const there = await identifyDevice(other, issuedKey, "192.0.2.2", NOW);
  expect(there?.issuedKey).not.toBeNull();
  expect(await deriveDeviceName(testConfig, "other" as StreamName, key)).not.toBe(
    await deriveDeviceName(testConfig, ROOM, key),
  );
  // A room's name of a device is no key of it, nor is its id in the estimate.
  for (const shown of [
    await deriveDeviceName(testConfig, ROOM, key),
    (await deriveAudienceId(testConfig, ROOM, key)) ?? "",
  ]) {
    expect((await identifyDevice(testConfig, shown.padEnd(60, "A"), "192.0.2.2", NOW))?.issuedKey).not.toBeNull();
  }
});

test("without a secret in the deployment, nobody gets a device key and nobody is counted by one", async () => {
  const bare = { edgeSecret: null };
  const { key } = await made("192.0.2.3");
  expect(await identifyDevice(bare, null, "192.0.2.3", NOW)).toBeNull();
  expect(await deriveAudienceId(bare, ROOM, key)).toBeNull();
});
