/** The upstream cost of a request: created objects and calls. */
import { createExecutionContext, listDurableObjectIds } from "cloudflare:test";
import { serveRequest } from "../../../workers/app.ts";
import type { Env } from "../../../workers/env.ts";
import { testBindings } from "../../../workers/testing.ts";

const LIMITS = [
  "LIMIT_JOINS",
  "LIMIT_SOCKETS",
  "LIMIT_BEACONS",
  "LIMIT_REPLAYS",
  "LIMIT_SECRETS",
  "LIMIT_GUESTS",
  "LIMIT_SIGN_INS",
] as const;
const NAMESPACES = [
  "LIVE",
  "SHIELD",
  "ROOM",
  "ROOM_RELAY",
  "ROOM_SHARD",
  "KEYRING",
  "REGISTRY",
  "DIRECTORY",
  "MAIL_LINKS",
] as const;

/** A gateway with counted upstream calls. */
export class CountedGateway {
  /** Like `LIVE.pullInit`, in order. */
  readonly calls: string[] = [];
  readonly #env: Env;

  constructor() {
    const counted = NAMESPACES.map((name) => [name, this.#namespace(name)]);
    const limits = LIMITS.map((name) => [name, this.#proxied(name, testBindings[name] ?? {})]);
    const media = this.#proxied("MEDIA", testBindings.MEDIA);
    this.#env = { ...testBindings, ...(Object.fromEntries([...counted, ...limits]) as object), MEDIA: media };
  }

  /** Sends a request, and returns the status. */
  async ask(path: string, init: RequestInit = {}): Promise<number> {
    const context = createExecutionContext();
    const answer = await serveRequest(new Request(`http://edge.test${path}`, init), this.#env, context);
    if (answer.webSocket !== null) {
      answer.webSocket.accept();
      answer.webSocket.close(1000);
    } else await answer.arrayBuffer();
    return answer.status;
  }

  #namespace(name: (typeof NAMESPACES)[number]): object {
    const namespace = testBindings[name] as unknown as { getByName(name: string, options?: object): object };
    return {
      getByName: (object: string, options?: object) => this.#proxied(name, namespace.getByName(object, options)),
      jurisdiction: () => {
        throw new Error("this runtime has no jurisdictions");
      },
    };
  }

  #proxied<T extends object>(name: string, under: T): T {
    return new Proxy(under, {
      get: (target, key) => {
        const value = Reflect.get(target, key, target) as unknown;
        if (typeof value !== "function" || typeof key !== "string") return value;
        return (...args: unknown[]) => {
          this.calls.push(`${name}.${key}`);
          return (target as Record<string, (...args: unknown[]) => unknown>)[key]?.(...args);
        };
      },
    });
  }
}

/** The number of objects, without the registry's. */
export async function objects(): Promise<number> {
  const all = NAMESPACES.filter((name) => name !== "REGISTRY").map((name) =>
    listDurableObjectIds(testBindings[name] as unknown as DurableObjectNamespace),
  );
  return (await Promise.all(all)).reduce((sum, ids) => sum + ids.length, 0);
}
