/** Authorization by a secret of the deployment. */
import type { ProblemName } from "../../core/api/problem-names.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { problemResponse } from "../kit/responses.ts";
import { isSameSecret, readBearerToken } from "./bearer-token.ts";
import { refuseOverRate } from "./rate-limits.ts";

/** A secret, and the problems of requests without it. */
export interface SecretGuard {
  /** Null if the deployment has not set it: nothing is authorized. */
  readonly secret: string | null;
  readonly secretName: string;
  readonly missing: ProblemName;
  readonly wrong: ProblemName;
}

/** The refusal of a request without the secret, or null. */
export async function requireSecret(scope: RequestScope, guard: SecretGuard): Promise<Response | null> {
  const { secret, secretName, missing, wrong } = guard;
  if (secret === null) return problemResponse("secret-not-set", `Set the secret ${secretName} to open this address.`);
  const sent = readBearerToken(scope.request);
  if (sent === null) return problemResponse(missing);
  if (await isSameSecret(sent, secret)) return null;
  // Only wrong secrets are counted.
  return (await refuseOverRate(scope, "secrets")) ?? problemResponse(wrong);
}
