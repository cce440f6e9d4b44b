import { expect, test } from "vitest";
import { DEVICE_LIMITS } from "../protocol/device-key.ts";
import type { StreamName } from "../protocol/ids.ts";
import { countedAs, type Device, deviceName, deviceOf } from "./device-keys.ts";
import { bindings } from "./testing.ts";

const NOW = Date.UTC(2026, 10, 29);
const ROOM = "show" as StreamName;

async function made(network: string, nowMs = NOW): Promise<Device & { issued: string }> {
  const device = await deviceOf(bindings, null, network, nowMs);
  if (device?.issued == null) throw new Error("no key");
  return { ...device, issued: device.issued };
}

test("a key is shown for a day as it is, then exchanged for another of the same device, and is over after its life", async () => {
  const { issued, key } = await made("192.0.2.1");
  expect(await deviceOf(bindings, issued, "192.0.2.1", NOW + 1_000)).toEqual({ key, issued: null });
  const next = await deviceOf(bindings, issued, "192.0.2.1", NOW + DEVICE_LIMITS.renewMs + 1_000);
  expect(next?.issued).toMatch(/^[\w-]{60}$/);
  expect(next?.issued).not.toBe(issued);
  // The same device, wherever it is by now.
  const moved = await deviceOf(bindings, next?.issued ?? "", "203.0.113.9", NOW + DEVICE_LIMITS.renewMs + 2_000);
  expect(await deviceName(bindings, ROOM, moved?.key ?? key)).toBe(await deviceName(bindings, ROOM, key));
  expect(await countedAs(bindings, ROOM, moved?.key ?? key)).toBe(await countedAs(bindings, ROOM, key));
  const over = await deviceOf(bindings, issued, "192.0.2.1", NOW + DEVICE_LIMITS.lifeMs + 1_000);
  expect(await deviceName(bindings, ROOM, over?.key ?? key)).not.toBe(await deviceName(bindings, ROOM, key));
});

test("another secret knows no key of this one, and rooms know a device by names that don't lead to each other", async () => {
  const { issued, key } = await made("192.0.2.2");
  const other = { ...bindings, CORRAL_EDGE_SECRET: "another-secret-of-thirty-two-bytes" };
  const there = await deviceOf(other, issued, "192.0.2.2", NOW);
  expect(there?.issued).not.toBeNull();
  expect(await deviceName(bindings, "other" as StreamName, key)).not.toBe(await deviceName(bindings, ROOM, key));
  // A room's name for a device is no key of it, nor is what it counts as.
  for (const shown of [await deviceName(bindings, ROOM, key), (await countedAs(bindings, ROOM, key)) ?? ""]) {
    expect((await deviceOf(bindings, shown.padEnd(60, "A"), "192.0.2.2", NOW))?.issued).not.toBeNull();
  }
});

test("where a deployment has no secret, nobody has a key and nobody counts by one", async () => {
  const bare = { ...bindings, CORRAL_ADMIN_TOKEN: "", CORRAL_VIEWER_SECRET: "" };
  const { key } = await made("192.0.2.3");
  expect(await deviceOf(bare, null, "192.0.2.3", NOW)).toBeNull();
  expect(await countedAs(bare, ROOM, key)).toBeNull();
});
