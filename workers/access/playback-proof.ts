/**
 * The playback proof shows that a network plays a stream: a header of the multivariant playlist and of flow, of which every player
 * loads one.
 * A viewer without an account is counted only with a proof of its own network.
 */
import { base64url } from "jose";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { computeMac, type EdgeSecret, getEdgeKey } from "./edge-secrets.ts";
import { readRequestNetwork } from "./request-networks.ts";

/** The header of the proof. */
const PLAYBACK_HEADER = "corral-playback";

/** All requests of one network get the same proof for this time. */
const STEP_MS = 60_000;
/** Steps for which a proof is valid, six hours: a viewer who reconnects to a long broadcast still has it. */
const VALID_STEPS = 360;

/** Statuses of responses to authorized requests: the playlist, unchanged, or not available yet. */
const PROVABLE_STATUSES: ReadonlySet<number> = new Set([200, 304, 404]);

/** Adds the proof to a response for the multivariant playlist or flow, if the request was authorized. */
export async function addPlaybackProof(
  edge: EdgeSecret,
  stream: StreamName,
  request: Request,
  answer: Response,
  nowMs: number,
): Promise<void> {
  if (!PROVABLE_STATUSES.has(answer.status)) return;
  const proof = await createPlaybackProof(edge, stream, readRequestNetwork(request) ?? "", nowMs);
  if (proof !== null) answer.headers.set(PLAYBACK_HEADER, proof);
}

/** The proof of a network at `nowMs`; null without a secret in the deployment. */
async function createPlaybackProof(
  edge: EdgeSecret,
  stream: StreamName,
  network: string,
  nowMs: number,
): Promise<string | null> {
  const step = Math.floor(nowMs / STEP_MS);
  const code = await computeProofCode(edge, stream, network, step);
  return code === null ? null : `${step}.${code}`;
}

/** Whether a proof belongs to this network and stream, and is valid at `nowMs`. */
export async function isPlaybackProofValid(
  edge: EdgeSecret,
  stream: StreamName,
  network: string,
  proof: string | null,
  nowMs: number,
): Promise<boolean> {
  const parts = /^(\d{1,10})\.([A-Za-z0-9_-]{16})$/.exec(proof ?? "");
  if (parts === null) return false;
  const step = Number(parts[1]);
  const now = Math.floor(nowMs / STEP_MS);
  // Clocks of the edge's machines differ by less than a step.
  if (step > now + 1 || step < now - VALID_STEPS) return false;
  const code = await computeProofCode(edge, stream, network, step);
  if (code === null) return false;
  const bytes = new TextEncoder();
  return crypto.subtle.timingSafeEqual(bytes.encode(code), bytes.encode(parts[2] ?? ""));
}

async function computeProofCode(
  edge: EdgeSecret,
  stream: StreamName,
  network: string,
  step: number,
): Promise<string | null> {
  const key = await getEdgeKey(edge, "playback");
  if (key === null) return null;
  return base64url.encode(await computeMac(key, encodeCompositeKey(stream, network, String(step)), 12));
}
