/** Device keys at the gateway: signed, verified, exchanged for newer ones; see `core/access/device-key.ts`. */
import { base64url } from "jose";
import {
  appendDeviceKeyMac,
  assignNetworkSlot,
  classifyDeviceKeyAge,
  DEVICE_KEY_LIMITS,
  type DeviceKey,
  decodeDeviceKey,
  encodeDeviceKey,
} from "../../core/access/device-key.ts";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { ROOM_LIMITS } from "../../core/room/room-limits.ts";
import type { Env } from "../env.ts";
import { mayIssueDeviceKey } from "./device-key-quota.ts";
import { computeMac, getEdgeKey } from "./edge-secrets.ts";

const HOME_TAG_BYTES = 9;

/** A device that the edge knows. */
export interface IdentifiedDevice {
  readonly key: DeviceKey;
  /** What the device is to show from now on, where that isn't what it showed. */
  readonly issuedKey: string | null;
}

/** The device that shows `shown`; one that shows no key of this edge gets one, as often as its network may. Null: none. */
export async function identifyDevice(
  env: Env,
  presentedKey: string | null,
  network: string,
  nowMs: number,
): Promise<IdentifiedDevice | null> {
  const known = presentedKey === null ? null : await verifyDeviceKey(env, presentedKey, nowMs);
  const age = known === null ? "over" : classifyDeviceKeyAge(known, nowMs);
  if (known !== null && age === "good") return { key: known, issuedKey: null };
  if (known !== null && age === "due") return issueDeviceKey(env, { ...known, signedS: Math.floor(nowMs / 1_000) });
  if (!mayIssueDeviceKey(network, nowMs)) return null;
  const key = await getEdgeKey(env, "network");
  if (key === null) return null;
  const home = await computeMac(key, network, HOME_TAG_BYTES);
  const id = crypto.getRandomValues(new Uint8Array(16));
  return issueDeviceKey(env, { id, homeTag: home, signedS: Math.floor(nowMs / 1_000) });
}

/** What a room calls a device: another name in each room, and nothing that could be shown as its key. */
export async function deriveDeviceName(env: Env, stream: StreamName, { id }: DeviceKey): Promise<string> {
  const key = await getEdgeKey(env, "device");
  // Without a secret no key was ever signed.
  if (key === null) return "";
  return base64url.encode(await computeMac(key, encodeCompositeKey("name", stream, base64url.encode(id))));
}

/** What an account, or a device, is in a room's estimate of different people: nobody without the secret can choose it. */
export async function deriveAudienceId(env: Env, stream: StreamName, who: string | DeviceKey): Promise<string | null> {
  const key = await getEdgeKey(env, "count");
  if (key === null) return null;
  const text =
    typeof who === "string"
      ? encodeCompositeKey(stream, "account", who)
      : encodeCompositeKey(
          stream,
          "device",
          base64url.encode(who.homeTag),
          String(assignNetworkSlot(who, ROOM_LIMITS.distinctSlotsPerNetwork)),
        );
  return base64url.encode(await computeMac(key, text, 12));
}

async function issueDeviceKey(env: Env, key: DeviceKey): Promise<IdentifiedDevice | null> {
  const secret = await getEdgeKey(env, "device");
  if (secret === null) return null;
  const body = encodeDeviceKey(key);
  const issued = base64url.encode(appendDeviceKeyMac(body, await computeMac(secret, macPayload(body))));
  return { key, issuedKey: issued };
}

async function verifyDeviceKey(env: Env, presentedKey: string, nowMs: number): Promise<DeviceKey | null> {
  if (presentedKey.length !== DEVICE_KEY_LIMITS.chars || !/^[A-Za-z0-9_-]+$/.test(presentedKey)) return null;
  const read = decodeDeviceKey(base64url.decode(presentedKey));
  const secret = read === null ? null : await getEdgeKey(env, "device");
  if (read === null || secret === null || classifyDeviceKeyAge(read.key, nowMs) === "over") return null;
  const mac = await computeMac(secret, macPayload(read.body));
  return crypto.subtle.timingSafeEqual(mac, read.mac) ? read.key : null;
}

const macPayload = (body: Uint8Array): string => encodeCompositeKey("key", base64url.encode(body));
