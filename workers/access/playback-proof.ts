/**
 * What shows that a network plays a stream: a text that comes with the stream's multivariant playlist, which every player
 * asks for first. A viewer without an account is counted only with one of its own network.
 */
import { base64url } from "jose";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import type { Env } from "../env.ts";
import { computeMac, getEdgeKey } from "./edge-secrets.ts";
import { readRequestNetwork } from "./request-networks.ts";

/** The header in which it comes. */
const PLAYBACK_HEADER = "corral-playback";

/** Times are told in steps: all of one network get the same text for so long. */
const STEP_MS = 60_000;
/** It shows what it shows for so many steps, six hours: who is thrown out of a long broadcast comes back as a viewer. */
const VALID_STEPS = 360;

/** Answers to those who may have the playlist: it, that it hasn't changed, or that there is none yet. */
const PROVABLE_STATUSES: ReadonlySet<number> = new Set([200, 304, 404]);

/** Adds the text to the answer to who asked for the multivariant playlist, if the asker may have it. */
export async function addPlaybackProof(
  env: Env,
  stream: StreamName,
  request: Request,
  answer: Response,
): Promise<void> {
  if (!PROVABLE_STATUSES.has(answer.status)) return;
  const proof = await createPlaybackProof(env, stream, readRequestNetwork(request) ?? "", Date.now());
  if (proof !== null) answer.headers.set(PLAYBACK_HEADER, proof);
}

/** The text for a network at `nowMs`; null where the deployment has no secret. */
async function createPlaybackProof(
  env: Env,
  stream: StreamName,
  network: string,
  nowMs: number,
): Promise<string | null> {
  const step = Math.floor(nowMs / STEP_MS);
  const code = await computeProofCode(env, stream, network, step);
  return code === null ? null : `${step}.${code}`;
}

/** Whether a text shows at `nowMs` that this network asked for the stream. */
export async function isPlaybackProofValid(
  env: Env,
  stream: StreamName,
  network: string,
  proof: string | null,
  nowMs: number,
): Promise<boolean> {
  const parts = /^(\d{1,10})\.([A-Za-z0-9_-]{16})$/.exec(proof ?? "");
  if (parts === null) return false;
  const step = Number(parts[1]);
  const now = Math.floor(nowMs / STEP_MS);
  // The clock of another of the edge's machines may be a little ahead.
  if (step > now + 1 || step < now - VALID_STEPS) return false;
  const code = await computeProofCode(env, stream, network, step);
  if (code === null) return false;
  const bytes = new TextEncoder();
  return crypto.subtle.timingSafeEqual(bytes.encode(code), bytes.encode(parts[2] ?? ""));
}

async function computeProofCode(env: Env, stream: StreamName, network: string, step: number): Promise<string | null> {
  const key = await getEdgeKey(env, "playback");
  if (key === null) return null;
  return base64url.encode(await computeMac(key, encodeCompositeKey(stream, network, String(step)), 12));
}
