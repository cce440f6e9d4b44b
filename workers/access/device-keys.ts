/** Device keys at the gateway: signing, verification, renewal; see `core/access/device-key.ts`. */
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
import { mayIssueDeviceKey } from "./device-key-quota.ts";
import { computeMac, type EdgeSecret, getEdgeKey } from "./edge-secrets.ts";

const HOME_TAG_BYTES = 9;

/** A device whose key the edge has signed. */
export interface IdentifiedDevice {
  readonly key: DeviceKey;
  /** The key that replaces the presented one, or null. */
  readonly issuedKey: string | null;
}

/** The device of a presented key. A device without a valid key gets one, within its network's quota; null beyond it. */
export async function identifyDevice(
  edge: EdgeSecret,
  presentedKey: string | null,
  network: string,
  nowMs: number,
): Promise<IdentifiedDevice | null> {
  const known = presentedKey === null ? null : await verifyDeviceKey(edge, presentedKey, nowMs);
  const age = known === null ? "over" : classifyDeviceKeyAge(known, nowMs);
  if (known !== null && age === "good") return { key: known, issuedKey: null };
  if (known !== null && age === "due") return issueDeviceKey(edge, { ...known, signedS: Math.floor(nowMs / 1_000) });
  if (!mayIssueDeviceKey(network, nowMs)) return null;
  const key = await getEdgeKey(edge, "network");
  if (key === null) return null;
  const home = await computeMac(key, network, HOME_TAG_BYTES);
  const id = crypto.getRandomValues(new Uint8Array(16));
  return issueDeviceKey(edge, { id, homeTag: home, signedS: Math.floor(nowMs / 1_000) });
}

/** The name of a device in one room: different in each room, and never a device key. */
export async function deriveDeviceName(edge: EdgeSecret, stream: StreamName, { id }: DeviceKey): Promise<string> {
  const key = await getEdgeKey(edge, "device");
  // Without a secret no device key can exist.
  if (key === null) return "";
  return base64url.encode(await computeMac(key, encodeCompositeKey("name", stream, base64url.encode(id))));
}

/** The id of an account, or a device, in a room's estimate of distinct viewers: nobody can choose it without the secret. */
export async function deriveAudienceId(
  edge: EdgeSecret,
  stream: StreamName,
  account: string | DeviceKey,
): Promise<string | null> {
  const key = await getEdgeKey(edge, "count");
  if (key === null) return null;
  const text =
    typeof account === "string"
      ? encodeCompositeKey(stream, "account", account)
      : encodeCompositeKey(
          stream,
          "device",
          base64url.encode(account.homeTag),
          String(assignNetworkSlot(account, ROOM_LIMITS.distinctSlotsPerNetwork)),
        );
  return base64url.encode(await computeMac(key, text, 12));
}

async function issueDeviceKey(edge: EdgeSecret, key: DeviceKey): Promise<IdentifiedDevice | null> {
  const secret = await getEdgeKey(edge, "device");
  if (secret === null) return null;
  const body = encodeDeviceKey(key);
  const issued = base64url.encode(appendDeviceKeyMac(body, await computeMac(secret, macPayload(body))));
  return { key, issuedKey: issued };
}

async function verifyDeviceKey(edge: EdgeSecret, presentedKey: string, nowMs: number): Promise<DeviceKey | null> {
  if (presentedKey.length !== DEVICE_KEY_LIMITS.chars || !/^[A-Za-z0-9_-]+$/.test(presentedKey)) return null;
  const read = decodeDeviceKey(base64url.decode(presentedKey));
  const secret = read === null ? null : await getEdgeKey(edge, "device");
  if (read === null || secret === null || classifyDeviceKeyAge(read.key, nowMs) === "over") return null;
  const mac = await computeMac(secret, macPayload(read.body));
  return crypto.subtle.timingSafeEqual(mac, read.mac) ? read.key : null;
}

const macPayload = (body: Uint8Array): string => encodeCompositeKey("key", base64url.encode(body));
