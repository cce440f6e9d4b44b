/** Whether a publisher's key opens its stream: known before its body is read, and asked of nobody for each wrong key. */
import type { StreamName } from "../protocol/ids.ts";
import { REGISTRY_LIMITS } from "../protocol/registry/limits.ts";
import { type Bucket, take } from "../protocol/room/bucket.ts";
import { Buckets } from "../protocol/room/buckets.ts";
import { KnownSet } from "../tiers/known-set.ts";
import type { Lifetime } from "../tiers/stream-edge.ts";
import type { Env } from "./env.ts";
import { isSurelyRegistered, register } from "./registry.ts";

/** Keys as they are issued. */
const KEY = /^corral_[A-Za-z0-9_-]{43}$/;

/**
 * Names that the registry lacks, and whose Live object is asked all the same for the key that came: a stream of the time
 * before the registry of which nothing was stored. Seldom, as anybody can invent a name: of one network, so that it takes
 * no other's turn, and of all together, as there are many networks.
 */
export const PROBES = { each: { perSecond: 0.2, burst: 2 }, all: { perSecond: 2, burst: 20 } } as const;

const keysOf = new Map<StreamName, KnownSet>();
/** One for each network that had its turn lately: `PROBES.all` bounds how many those are. */
const probesEach = new Buckets();
let probesAll: Bucket | undefined;

/** Who wants to publish. */
export interface Claim {
  readonly stream: StreamName;
  readonly key: string;
  readonly keyHash: string;
  /** Whose waiting and look-ups are counted together. */
  readonly actor: string;
}

/** `busy`: to be asked again. Throws where nobody can be asked. */
export async function judgeKey(env: Env, life: Lifetime, claim: Claim): Promise<"right" | "wrong" | "busy"> {
  const { stream, keyHash, actor } = claim;
  if (keysOf.get(stream)?.knows(keyHash) === true) return "right";
  const registered = await isSurelyRegistered(env, life, stream, actor);
  if (registered === "busy") return "busy";
  if (!registered) return probe(env, claim);
  const reader = {
    life,
    read: async () => new Set(await env.LIVE.getByName(stream).keyHashes()),
  };
  const opens = await keySet(stream).surelyHas(reader, keyHash, actor);
  return opens === "busy" ? "busy" : opens ? "right" : "wrong";
}

/** The Live object refused a key that was right: the stream's keys are read anew. */
export function forgetKeys(stream: StreamName): void {
  keysOf.delete(stream);
}

function keySet(stream: StreamName): KnownSet {
  const known = keysOf.get(stream) ?? new KnownSet();
  keysOf.delete(stream);
  keysOf.set(stream, known);
  for (const oldest of keysOf.keys()) {
    if (keysOf.size <= REGISTRY_LIMITS.keySets) break;
    keysOf.delete(oldest);
  }
  return known;
}

async function probe(env: Env, { stream, key, keyHash, actor }: Claim): Promise<"right" | "wrong" | "busy"> {
  if (!KEY.test(key)) return "wrong";
  if (!mayProbe(actor, Date.now())) return "busy";
  if (!(await env.LIVE.getByName(stream).keyHashes()).includes(keyHash)) return "wrong";
  await register(env, stream);
  return "right";
}

function mayProbe(actor: string, nowMs: number): boolean {
  const { bucket, ok } = take(probesAll, PROBES.all, nowMs);
  if (!ok || !probesEach.within(actor, PROBES.each, nowMs)) return false;
  probesAll = bucket;
  return true;
}
