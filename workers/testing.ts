/** The Worker's front door for tests in workerd. */
import { env, exports } from "cloudflare:workers";
import type { Door, TestPublisher } from "../tests/support/publisher.ts";
import type { Env } from "./env.ts";

/** The Worker's bindings. */
export const bindings: Env = env as unknown as Env;

/** Asks the Worker in this runtime. */
export const door: Door = {
  ask: (path, init) => (exports as unknown as { default: Fetcher }).default.fetch(`http://edge.test${path}`, init),
  adminToken: bindings.CORRAL_ADMIN_TOKEN ?? "",
};

/** The Live object of a publisher's stream. */
export function liveOf(publisher: TestPublisher): ReturnType<Env["LIVE"]["getByName"]> {
  return bindings.LIVE.getByName(publisher.stream);
}
