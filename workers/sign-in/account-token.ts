/** Tokens of the edge's own sign-in: whom they name, and to whom none is issued. */
import { base64url, SignJWT } from "jose";
import { ACCESS_LIMITS, type AccessDenial, findAccessDenial } from "../../core/access/access-policy.ts";
import { ACCOUNT_ISSUER, type AccountReach, accountSubject } from "../../core/access/account.ts";
import { parseEmailAddress } from "../../core/access/email-address.ts";
import type { Role } from "../../core/access/roles.ts";
import { isStreamHost, type ProvenIdentity } from "../../core/access/stream-hosts.ts";
import type { SignInConfig } from "../../core/api/sign-in-config.ts";
import { encodeCompositeKey } from "../../core/kit/composite-key.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { readText } from "../../core/kit/json-fields.ts";
import { parseChosenName } from "../../core/moderation/chosen-name.ts";
import { computeMac, getEdgeKey } from "../access/edge-secrets.ts";
import { isStreamRegistered } from "../access/stream-registry.ts";
import { isNamedAsHost } from "../directory/host-name.ts";
import type { RequestScope } from "../kit/app-env.ts";

/** Bytes of an account's name: two accounts share none by chance. */
const ACCOUNT_ID_BYTES = 24;

/** Who signed in, and by what. */
export interface SignedInPerson {
  /** Whatever makes the account this one and no other: the way of signing in, the issuer, its subject. */
  readonly account: readonly string[];
  /** The streams that the account opens. */
  readonly reach: AccountReach;
  /** The name that the person may want; it is not checked. */
  readonly name: unknown;
  readonly proven: ProvenIdentity;
}

/** A token, or why there is none. */
export type AccountTokenAnswer =
  | { readonly token: string }
  | { readonly refusal: "banned" | "not-for-accounts" | "unknown-stream" };

/** A token of the stream for a person. The deployment has a signing secret, or its sign-in would not be on. */
export async function issueAccountToken(
  scope: RequestScope,
  signIn: SignInConfig,
  stream: StreamName,
  person: SignedInPerson,
): Promise<AccountTokenAnswer> {
  const { env, config, platform } = scope;
  const isHost = isStreamHost(signIn.hosts, person.proven, stream);
  // A token registers its stream, which only the operator's list may do.
  if (!isHost && !(await isStreamRegistered(scope, stream))) return { refusal: "unknown-stream" };
  const key = await getEdgeKey(config, "account");
  const secret = config.viewerKeys.secret;
  if (key === null || secret === null) throw new RangeError("a sign-in needs the secret that signs its tokens");
  const code = await computeMac(key, encodeCompositeKey(...person.account), ACCOUNT_ID_BYTES);
  const subject = accountSubject(person.reach, base64url.encode(code));
  const roles: readonly Role[] = isHost ? ["host"] : [];
  const nowMs = platform.clock.nowMs();
  // A host whose stream is stopped signs in to start it again.
  const access = { ...(await env.LIVE.getByName(stream).access()), stop: null };
  const denial = findAccessDenial(access, { subject, roles, followerSinceMs: null, expiresMs: null }, nowMs);
  if (denial !== null) return { refusal: refusalOf(denial) };
  const name = await chooseName(scope, stream, person, { isHost, code });
  const iat = Math.floor(nowMs / 1_000);
  const token = await new SignJWT({ room: stream, name, ...(isHost ? { roles: [...roles] } : {}) })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(ACCOUNT_ISSUER)
    .setSubject(subject)
    .setIssuedAt(iat)
    .setExpirationTime(iat + ACCESS_LIMITS.tokenLifetimeMs / 1_000)
    .sign(new TextEncoder().encode(secret));
  return { token };
}

const refusalOf = (denial: AccessDenial): "banned" | "not-for-accounts" =>
  denial === "token-revoked" ? "banned" : "not-for-accounts";

/** The name, if the person may have it; else one that says nothing. */
async function chooseName(
  scope: RequestScope,
  stream: StreamName,
  { name: wanted }: SignedInPerson,
  { isHost, code }: { readonly isHost: boolean; readonly code: Uint8Array },
): Promise<string> {
  const readName = isHost ? readText : parseChosenName;
  const name = readName(wanted, ACCESS_LIMITS.nameChars);
  // Some providers have no other name of a person than the address, which is nobody else's business.
  const isUnusable =
    name === null || parseEmailAddress(name) !== null || (!isHost && (await isNamedAsHost(scope, stream, name)));
  if (!isUnusable) return name;
  const [high = 0, low = 0] = code;
  return isHost ? "Host" : `Viewer ${1_000 + ((256 * high + low) % 9_000)}`;
}
