/** A demo broadcast for measurements. */
import type { LocalEdge } from "../origin/local-edge/edge.ts";
import { OriginProcess } from "../tests/support/origin-process.ts";

/**
 * Starts an origin that publishes `stream` to `edge`: the test card, whose picture and sound say their time, or the input with
 * which `extraArgs` begin.
 */
export async function startBroadcast(
  edge: LocalEdge,
  adminToken: string,
  stream: string,
  extraArgs: readonly string[],
): Promise<OriginProcess> {
  const keys = await fetch(`${edge.url}/api/streams/${stream}/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const { key } = (await keys.json()) as { key: string };
  const input = extraArgs[0]?.startsWith("--") === false ? [] : ["--test-card"];
  return new OriginProcess(["--edge", edge.url, "--key", key, "--stream", stream, ...input, ...extraArgs]);
}
