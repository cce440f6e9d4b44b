/** Device keys at the gateway: signed, verified, exchanged for newer ones; see `protocol/device-key.ts`. */
import { base64url } from "jose";
import { compositeKey } from "../protocol/composite.ts";
import {
  ageOf,
  DEVICE_LIMITS,
  type DeviceKey,
  deviceKeyBody,
  placeAmong,
  readDeviceKey,
  signedDeviceKey,
} from "../protocol/device-key.ts";
import type { StreamName } from "../protocol/ids.ts";
import { ROOM_LIMITS } from "../protocol/room/limits.ts";
import type { Env } from "./env.ts";
import { mayIssue } from "./issuing.ts";
import { authenticate, edgeKey } from "./secrets.ts";

const HOME_BYTES = 9;

/** A device that the edge knows. */
export interface Device {
  readonly key: DeviceKey;
  /** What the device is to show from now on, where that isn't what it showed. */
  readonly issued: string | null;
}

/** The device that shows `shown`; one that shows no key of this edge gets one, as often as its network may. Null: none. */
export async function deviceOf(env: Env, shown: string | null, network: string, nowMs: number): Promise<Device | null> {
  const known = shown === null ? null : await verified(env, shown, nowMs);
  const age = known === null ? "over" : ageOf(known, nowMs);
  if (known !== null && age === "good") return { key: known, issued: null };
  if (known !== null && age === "due") return sign(env, { ...known, signedS: Math.floor(nowMs / 1_000) });
  if (!mayIssue(network, nowMs)) return null;
  const key = await edgeKey(env, "network");
  if (key === null) return null;
  const home = await authenticate(key, network, HOME_BYTES);
  const id = crypto.getRandomValues(new Uint8Array(16));
  return sign(env, { id, home, signedS: Math.floor(nowMs / 1_000) });
}

/** What a room calls a device: another name in each room, and nothing that could be shown as its key. */
export async function deviceName(env: Env, stream: StreamName, { id }: DeviceKey): Promise<string> {
  const key = await edgeKey(env, "device");
  // Without a secret no key was ever signed.
  if (key === null) return "";
  return base64url.encode(await authenticate(key, compositeKey("name", stream, base64url.encode(id))));
}

/** What an account, or a device, is in a room's estimate of different people: nobody without the secret can choose it. */
export async function countedAs(env: Env, stream: StreamName, who: string | DeviceKey): Promise<string | null> {
  const key = await edgeKey(env, "count");
  if (key === null) return null;
  const text =
    typeof who === "string"
      ? compositeKey(stream, "account", who)
      : compositeKey(
          stream,
          "device",
          base64url.encode(who.home),
          String(placeAmong(who, ROOM_LIMITS.placesPerNetwork)),
        );
  return base64url.encode(await authenticate(key, text, 12));
}

async function sign(env: Env, key: DeviceKey): Promise<Device | null> {
  const secret = await edgeKey(env, "device");
  if (secret === null) return null;
  const body = deviceKeyBody(key);
  const issued = base64url.encode(signedDeviceKey(body, await authenticate(secret, signedText(body))));
  return { key, issued };
}

async function verified(env: Env, shown: string, nowMs: number): Promise<DeviceKey | null> {
  if (shown.length !== DEVICE_LIMITS.chars || !/^[A-Za-z0-9_-]+$/.test(shown)) return null;
  const read = readDeviceKey(base64url.decode(shown));
  const secret = read === null ? null : await edgeKey(env, "device");
  if (read === null || secret === null || ageOf(read.key, nowMs) === "over") return null;
  const mac = await authenticate(secret, signedText(read.body));
  return crypto.subtle.timingSafeEqual(mac, read.mac) ? read.key : null;
}

const signedText = (body: Uint8Array): string => compositeKey("key", base64url.encode(body));
