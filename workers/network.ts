/** Where a request comes from. */
import { networkOf } from "../protocol/network.ts";

/** The network that is counted as one; null where the platform doesn't tell it, as in a run on one machine. */
export function networkOfRequest(request: Request): string | null {
  const ip = request.headers.get("cf-connecting-ip");
  return ip === null ? null : networkOf(ip);
}
