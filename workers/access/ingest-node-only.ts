/** The ingest token's middleware. */
import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../kit/app-env.ts";
import { createGuard } from "../kit/middleware.ts";
import { isSameSecret, readBearerToken } from "./bearer-token.ts";
import { requireSecret } from "./secret-guard.ts";

/** Admits requests with the ingest token, and with the admin token. */
export const ingestNodeOnly: MiddlewareHandler<AppEnv> = createGuard(
  {
    security: ["ingestToken", "adminToken"],
    problems: ["ingest-token-missing", "ingest-token-wrong", "secret-not-set", "too-many-requests"],
  },
  async (scope) => {
    const { adminToken, ingestToken } = scope.config;
    const sent = readBearerToken(scope.request);
    if (sent !== null && adminToken !== null && (await isSameSecret(sent, adminToken))) return null;
    return requireSecret(scope, {
      secret: ingestToken ?? adminToken,
      secretName: "CORRAL_INGEST_TOKEN (or CORRAL_ADMIN_TOKEN)",
      missing: "ingest-token-missing",
      wrong: "ingest-token-wrong",
    });
  },
);
