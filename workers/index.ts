/** The deployed Worker: one script with the gateway and every Durable Object class. */
import { app } from "./app.ts";
import type { Env } from "./env.ts";

export { Live } from "../durable-objects/live/live.ts";
export { Shield } from "../durable-objects/shield/shield.ts";

const worker: ExportedHandler<Env> = { fetch: app.fetch };
export default worker;
