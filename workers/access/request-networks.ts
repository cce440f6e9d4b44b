/** The network of a request, and its names in rooms. */
import { base64url } from "jose";
import { parseNetwork } from "../../core/access/network.ts";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { networkNameDays } from "../../core/room/network-name-rotation.ts";
import type { Participant } from "../../core/room/participants.ts";
import { computeMac, type EdgeSecret, getEdgeKey } from "./edge-secrets.ts";

/** The network of a request; null if the platform does not provide it, as in a local run. */
export function readRequestNetwork(request: Request): string | null {
  const ip = request.headers.get("cf-connecting-ip");
  return ip === null ? null : parseNetwork(ip);
}

/** The room's names of a request's network today and on the adjacent days; empty if the network is unknown. */
export async function deriveNetworkNames(
  edge: EdgeSecret,
  request: Request,
  stream: StreamName,
  nowMs: number,
): Promise<Pick<Participant, "address" | "addressesNear">> {
  const network = readRequestNetwork(request);
  const key = network === null ? null : await getEdgeKey(edge, "address");
  if (network === null || key === null) return { address: "" };
  const nameOn = async (day: number): Promise<string> =>
    base64url.encode(await computeMac(key, encodeCompositeKey(stream, String(day), network)));
  const [address = "", ...addressesNear] = await Promise.all(networkNameDays(nowMs).map(nameOn));
  return { address, addressesNear };
}
