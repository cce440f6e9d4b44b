/** A demo broadcast to measure. */
import type { Edge } from "../scripts/edge.ts";
import { Origin } from "../tests/support/origin.ts";

/** Starts an origin that publishes `stream` to `edge`; `more` is added to its command line. */
export async function startBroadcast(
  edge: Edge,
  adminToken: string,
  stream: string,
  more: readonly string[],
): Promise<Origin> {
  const keys = await fetch(`${edge.url}/api/streams/${stream}/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const { key } = (await keys.json()) as { key: string };
  return new Origin(["--edge", edge.url, "--key", key, "--stream", stream, ...more]);
}
