/** Doors that a secret of the deployment opens. */
import { problems } from "../protocol/publish/reply.ts";
import { bearerToken, sameSecret } from "./auth.ts";
import type { Env } from "./env.ts";
import { refuseFast } from "./rate-limits.ts";
import { problemResponse } from "./responses.ts";

/** A door: the secret's value and name, what is sent as it, and what lies behind. */
export interface Guarded {
  readonly secret: string | undefined;
  readonly secretName: string;
  /** Like "admin token". */
  readonly token: string;
  /** Like "the control API". */
  readonly behind: string;
}

/** The refusal of a request that doesn't bring the secret, or null. Without a secret the door stays shut. */
export async function refuseStranger(env: Env, request: Request, door: Guarded): Promise<Response | null> {
  const { secret, secretName, token, behind } = door;
  if (secret === undefined || secret === "") {
    return problemResponse(problems.keyWrong(`Set the secret ${secretName} to use ${behind}.`));
  }
  const sent = bearerToken(request);
  if (sent === null) {
    return problemResponse(problems.keyMissing(`Send \`Authorization: Bearer <${token}>\`.`), {
      "www-authenticate": 'Bearer realm="corral"',
    });
  }
  if (await sameSecret(sent, secret)) return null;
  // Whoever brings the secret is never counted.
  const fast = await refuseFast(env, "secrets", request);
  return fast ?? problemResponse(problems.keyWrong(`This is not the ${token} of this deployment.`));
}
