/**
 * The product's Worker and objects, with network distances and faults on request. The product contains none of it: the
 * bindings through which each tier calls the next one are wrapped.
 */

import type { StreamName, TrackName } from "../../core/kit/ids.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { Live as RealLive } from "../../durable-objects/live/live.ts";
import { Shield as RealShield } from "../../durable-objects/shield/shield.ts";
import { openEdgeStream } from "../../workers/delivery/edge-streams.ts";
import type { Env } from "../../workers/env.ts";
import product from "../../workers/index.ts";
import { handleRoomHarness } from "../room/instrumented-objects.ts";

export * from "../../workers/index.ts";
export { CountedRoom as Room, CrashableShard as RoomShard } from "../room/instrumented-objects.ts";

/** Bindings of the harness besides the product's own. */
interface HarnessEnv extends Env {
  /** Round trips in milliseconds to each kind of node. */
  readonly HOPS: { readonly colo: number; readonly region: number; readonly live: number; readonly r2: number };
  /** Current faults: `refuse` fails at once, a number is a delay in milliseconds. */
  readonly FAULTS: Fetcher;
}

type Fault = "refuse" | number;
type Target = "colo" | "region" | "live" | "r2";

/** Interval of reading the faults. */
const FAULT_POLL_MS = 200;
let faults: Partial<Record<Target, Fault>> = {};
let faultsReadAtMs = 0;

async function delayHop(env: HarnessEnv, target: Target): Promise<void> {
  const now = Date.now();
  if (now - faultsReadAtMs > FAULT_POLL_MS) {
    faultsReadAtMs = now;
    faults = (await (await env.FAULTS.fetch("http://faults/")).json()) as typeof faults;
  }
  const fault = faults[target];
  if (fault === "refuse") throw new Error(`${target} refuses (a fault of the harness)`);
  const ms = env.HOPS[target] + (fault ?? 0);
  if (ms > 0) await scheduler.wait(ms);
}

/** Chunks arrive half a round trip later, in order. */
function delayStream(body: ReadableStream<Uint8Array>, ms: number): ReadableStream<Uint8Array> {
  if (ms === 0) return body;
  let last = Promise.resolve();
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const due = Date.now() + ms / 2;
        last = last.then(async () => {
          await scheduler.wait(Math.max(0, due - Date.now()));
          try {
            controller.enqueue(chunk);
          } catch {
            // The reader has disconnected.
          }
        });
      },
      flush: () => last,
    }),
  );
}

function withHops<T extends object>(env: HarnessEnv, target: Target, stub: T): T {
  return new Proxy(stub, {
    get(under, key) {
      if (key === "then" || typeof key !== "string") return undefined;
      const call = (...args: unknown[]): Promise<unknown> =>
        (under as Record<string, (...args: unknown[]) => Promise<unknown>>)[key]?.(...args) ?? Promise.resolve();
      return async (...args: unknown[]) => {
        await delayHop(env, target);
        const answer = await call(...args);
        if (!(answer instanceof Response) || answer.body === null) return answer;
        return new Response(delayStream(answer.body, env.HOPS[target]), answer);
      };
    },
  });
}

const wrappedEnvs = new WeakMap<object, Env>();

function withNetwork(env: HarnessEnv): Env {
  const known = wrappedEnvs.get(env);
  if (known !== undefined) return known;
  const made: Env = {
    ...env,
    LIVE: { getByName: (name: string) => withHops(env, "live", env.LIVE.getByName(name)) } as Env["LIVE"],
    SHIELD: {
      getByName: (name: string, options?: DurableObjectNamespaceGetDurableObjectOptions) =>
        withHops(
          env,
          name.slice(name.indexOf("/")).includes(".") ? "colo" : "region",
          env.SHIELD.getByName(name, options),
        ),
    } as Env["SHIELD"],
    MEDIA: {
      get: async (key: string) => {
        await delayHop(env, "r2");
        return env.MEDIA.get(key);
      },
      put: async (...args: Parameters<R2Bucket["put"]>) => {
        await delayHop(env, "r2");
        return env.MEDIA.put(...args);
      },
    } as unknown as Env["MEDIA"],
  };
  wrappedEnvs.set(env, made);
  return made;
}

export class Live extends RealLive {
  constructor(ctx: DurableObjectState, env: HarnessEnv) {
    super(ctx, withNetwork(env));
  }
}

export class Shield extends RealShield {
  constructor(ctx: DurableObjectState, env: HarnessEnv) {
    super(ctx, withNetwork(env) as ConstructorParameters<typeof RealShield>[1]);
  }
}

/** `/harness/renew/{stream}/{n}`: the isolate renews its feed now, as for a new track, and its counters are reported. */
async function renewFeed(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  const [, , , stream = "", n = ""] = new URL(request.url).pathname.split("/");
  const edge = await openEdgeStream({ platform: systemPlatform, env, request, ctx }, stream as StreamName);
  const known = typeof edge !== "string" && edge.currentReplica !== null;
  if (known) edge.requestTrack(ctx, `renew-${n}` as TrackName, Date.now());
  return Response.json({ known });
}

const worker: ExportedHandler<HarnessEnv> = {
  fetch: (request, env, ctx) => {
    const wrappedEnv = withNetwork(env);
    if (request.url.includes("/harness/renew/")) return renewFeed(request, wrappedEnv, ctx);
    if (request.url.includes("/harness/room/")) return handleRoomHarness(request, env);
    return product.fetch?.(request, wrappedEnv, ctx) ?? new Response(null, { status: 500 });
  },
};
export default worker;
