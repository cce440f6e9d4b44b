/** From which network a request comes, and what a room calls it. */
import { base64url } from "jose";
import { compositeKey } from "../protocol/composite.ts";
import type { StreamName } from "../protocol/ids.ts";
import { networkOf } from "../protocol/network.ts";
import { daysAround } from "../protocol/room/address-days.ts";
import type { Viewer } from "../protocol/room/events.ts";
import type { Env } from "./env.ts";
import { authenticate, edgeKey } from "./secrets.ts";

/** The network from which a request comes; null where the platform doesn't tell it, as in a run on one machine. */
export function networkOfRequest(request: Request): string | null {
  const ip = request.headers.get("cf-connecting-ip");
  return ip === null ? null : networkOf(ip);
}

/** What the room calls the network of a request today, and on the days beside it; nothing where it isn't known. */
export async function addressesOf(
  env: Env,
  request: Request,
  stream: StreamName,
): Promise<Pick<Viewer, "address" | "addressesNear">> {
  const network = networkOfRequest(request);
  const key = network === null ? null : await edgeKey(env, "address");
  if (network === null || key === null) return { address: "" };
  const nameOn = async (day: number): Promise<string> =>
    base64url.encode(await authenticate(key, compositeKey(stream, String(day), network)));
  const [address = "", ...addressesNear] = await Promise.all(daysAround(Date.now()).map(nameOn));
  return { address, addressesNear };
}
