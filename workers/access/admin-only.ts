/** The admin token's middleware. */
import type { MiddlewareHandler } from "hono";
import type { AppEnv, RequestScope } from "../kit/app-env.ts";
import { createGuard } from "../kit/middleware.ts";
import { requireSecret } from "./secret-guard.ts";

/** The refusal of a request without the admin token, or null. */
export function requireAdminToken(scope: RequestScope): Promise<Response | null> {
  return requireSecret(scope, {
    secret: scope.config.adminToken,
    secretName: "CORRAL_ADMIN_TOKEN",
    missing: "admin-token-missing",
    wrong: "admin-token-wrong",
  });
}

/** Lets requests with the admin token through. */
export const adminOnly: MiddlewareHandler<AppEnv> = createGuard(
  {
    security: ["adminToken"],
    problems: ["admin-token-missing", "admin-token-wrong", "secret-not-set", "too-many-requests"],
  },
  requireAdminToken,
);
