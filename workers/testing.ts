/** Requests to the Worker for tests in workerd. */
import { env, exports } from "cloudflare:workers";
import { type Config, getConfig } from "../core/api/config.ts";
import { OpenApiChecker } from "../tests/support/openapi-check.ts";
import type { TestEdge, TestPublisher } from "../tests/support/publisher.ts";
import { createOpenApiDocument } from "./api/openapi.ts";
import { app } from "./app.ts";
import type { Env } from "./env.ts";

/** The Worker's bindings. */
export const testBindings: Env = env as unknown as Env;

/** The configuration of these bindings. */
export const testConfig: Config = getConfig(testBindings);

const checker = new OpenApiChecker(createOpenApiDocument(app.routes));

/** Sends a request to the Worker in this runtime; a response that the OpenAPI document does not describe is an error. */
export const testEdge: TestEdge = {
  ask: async (path, init) => {
    const answer = await (exports as unknown as { default: Fetcher }).default.fetch(`http://edge.test${path}`, init);
    const complaint = await checker.complaint({ method: init?.method ?? "GET", path, answer });
    if (complaint !== null) throw new Error(complaint);
    return answer;
  },
  adminToken: testBindings.CORRAL_ADMIN_TOKEN ?? "",
};

/** The Live object of a publisher's stream. */
export function getLiveObject(publisher: TestPublisher): ReturnType<Env["LIVE"]["getByName"]> {
  return testBindings.LIVE.getByName(publisher.stream);
}
