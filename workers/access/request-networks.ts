/** From which network a request comes, and what a room calls it. */
import { base64url } from "jose";
import { parseNetwork } from "../../core/access/network.ts";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { networkNameDays } from "../../core/room/network-name-rotation.ts";
import type { Participant } from "../../core/room/participants.ts";
import type { Env } from "../env.ts";
import { computeMac, getEdgeKey } from "./edge-secrets.ts";

/** The network from which a request comes; null where the platform doesn't tell it, as in a run on one machine. */
export function readRequestNetwork(request: Request): string | null {
  const ip = request.headers.get("cf-connecting-ip");
  return ip === null ? null : parseNetwork(ip);
}

/** What the room calls the network of a request today, and on the days beside it; nothing where it isn't known. */
export async function deriveNetworkNames(
  env: Env,
  request: Request,
  stream: StreamName,
): Promise<Pick<Participant, "address" | "addressesNear">> {
  const network = readRequestNetwork(request);
  const key = network === null ? null : await getEdgeKey(env, "address");
  if (network === null || key === null) return { address: "" };
  const nameOn = async (day: number): Promise<string> =>
    base64url.encode(await computeMac(key, encodeCompositeKey(stream, String(day), network)));
  const [address = "", ...addressesNear] = await Promise.all(networkNameDays(Date.now()).map(nameOn));
  return { address, addressesNear };
}
