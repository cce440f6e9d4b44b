/** Doors that a secret of the deployment opens. */
import { publishProblems } from "../../core/ingest/publish-result.ts";
import type { Env } from "../env.ts";
import { problemResponse } from "../kit/responses.ts";
import { isSameSecret, readBearerToken } from "./bearer-token.ts";
import { refuseOverRate } from "./rate-limits.ts";

/** A door: the secret's value and name, what is sent as it, and what lies behind. */
export interface SecretGuard {
  readonly secret: string | undefined;
  readonly secretName: string;
  /** Like "admin token". */
  readonly token: string;
  /** Like "the control API". */
  readonly resource: string;
}

/** The refusal of a request that doesn't bring the secret, or null. Without a secret the door stays shut. */
export async function requireSecret(env: Env, request: Request, guard: SecretGuard): Promise<Response | null> {
  const { secret, secretName, token, resource } = guard;
  if (secret === undefined || secret === "") {
    return problemResponse(publishProblems.keyWrong(`Set the secret ${secretName} to use ${resource}.`));
  }
  const sent = readBearerToken(request);
  if (sent === null) {
    return problemResponse(publishProblems.keyMissing(`Send \`Authorization: Bearer <${token}>\`.`), {
      "www-authenticate": 'Bearer realm="corral"',
    });
  }
  if (await isSameSecret(sent, secret)) return null;
  // Whoever brings the secret is never counted.
  const fast = await refuseOverRate(env, "secrets", request);
  return fast ?? problemResponse(publishProblems.keyWrong(`This is not the ${token} of this deployment.`));
}
