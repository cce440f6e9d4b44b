/** The environment of the Worker's Hono applications. */
import type { Config } from "../../core/api/config.ts";
import type { Platform } from "../../core/kit/clock.ts";
import type { WaitUntilContext } from "../../core/kit/wait-until.ts";
import type { Env } from "../env.ts";

/** One request with everything that its handler needs. */
export interface RequestScope {
  readonly env: Env;
  readonly config: Config;
  readonly platform: Platform;
  readonly request: Request;
  readonly ctx: WaitUntilContext;
}

/** Bindings, and the variables set by middleware. */
export interface AppEnv {
  Bindings: Env;
  Variables: { scope: RequestScope };
}
