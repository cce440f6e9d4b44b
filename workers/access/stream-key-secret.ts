/** The secrets of stream keys. The edge computes one again from the key's id, as its storage holds only the key's hash. */
import { base64url } from "jose";
import { formatStreamKey } from "../../core/access/stream-key.ts";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { sha256Hex } from "./bearer-token.ts";
import { computeMac, type EdgeSecret, getEdgeKey } from "./edge-secrets.ts";

/** Bytes of a secret: 43 characters of base64url, which are also a passphrase of SRT. */
const SECRET_BYTES = 32;

/** A key with its secret and hash. */
export interface DerivedStreamKey {
  readonly key: string;
  readonly secret: string;
  readonly hash: string;
}

/** The key of a stream with this id, as the edge's secret makes it now; null without a secret in the deployment. */
export async function deriveStreamKey(
  edge: EdgeSecret,
  stream: StreamName,
  id: string,
): Promise<DerivedStreamKey | null> {
  const edgeKey = await getEdgeKey(edge, "stream-key");
  if (edgeKey === null) return null;
  const secret = base64url.encode(await computeMac(edgeKey, encodeCompositeKey(stream, id), SECRET_BYTES));
  const key = formatStreamKey(id, secret);
  return { key, secret, hash: await sha256Hex(key) };
}
