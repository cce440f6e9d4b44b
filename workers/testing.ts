/** The Worker's front door for tests in workerd. */
import { env, exports } from "cloudflare:workers";
import type { TestEdge, TestPublisher } from "../tests/support/publisher.ts";
import type { Env } from "./env.ts";

/** The Worker's bindings. */
export const testBindings: Env = env as unknown as Env;

/** Asks the Worker in this runtime. */
export const testEdge: TestEdge = {
  ask: (path, init) => (exports as unknown as { default: Fetcher }).default.fetch(`http://edge.test${path}`, init),
  adminToken: testBindings.CORRAL_ADMIN_TOKEN ?? "",
};

/** The Live object of a publisher's stream. */
export function getLiveObject(publisher: TestPublisher): ReturnType<Env["LIVE"]["getByName"]> {
  return testBindings.LIVE.getByName(publisher.stream);
}
