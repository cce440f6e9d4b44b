/**
 * The OpenID provider of the deployment: authorization code flow with PKCE, state and nonce, by `oauth4webapi`. It validates the
 * provider's answers; here stands what the edge asks for and believes.
 */
import * as oauth from "oauth4webapi";
import { parseEmailAddress } from "../../core/access/email-address.ts";
import type { OidcConfig } from "../../core/api/sign-in-config.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { startDeadline } from "../../core/kit/deadline.ts";
import type { JsonObject } from "../../core/kit/json-fields.ts";

/** Limits of the requests to a provider, each with its reason. */
const OIDC_LIMITS = {
  /** Of all requests of one step: somebody is waiting. */
  stepMs: 8_000,
  /** How long its metadata is kept: endpoints change with announcements, and keys are looked up by themselves. */
  metadataMs: 3_600_000,
} as const;

/** Why a provider's answer signs nobody in. */
export type ProviderFailure = "cancelled" | "refused" | "provider";

/** A provider did not sign somebody in; `message` and `cause` are for the log. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly failure: ProviderFailure;

  constructor(failure: ProviderFailure, message: string, cause: unknown) {
    super(message, { cause });
    this.failure = failure;
  }
}

/** What a request to a provider must remember until its answer. */
export interface PendingAuthorization {
  readonly issuer: string;
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE. */
  readonly verifier: string;
}

/** Options of every request to a provider. */
type ProviderRequestOptions = Pick<oauth.HttpRequestOptions<"GET">, "signal" | typeof oauth.allowInsecureRequests>;

/** A person as the provider knows them. */
export interface ProviderPerson {
  /** The provider, by its metadata. */
  readonly issuer: string;
  readonly subject: string;
  /** The claim with the name, as it is. */
  readonly name: unknown;
  /** An address that the provider has verified, in lower case; null without one. */
  readonly email: string | null;
}

/** The address of the provider's sign-in, and what its answer must fit. Throws `ProviderError`. */
export function startAuthorization(
  oidc: OidcConfig,
  redirectUri: string,
  clock: Clock,
): Promise<{ readonly url: string; readonly pending: PendingAuthorization }> {
  return withProvider(oidc, clock, async (server) => {
    const url = new URL(server.authorization_endpoint ?? "");
    if (url.protocol !== "https:" && !isInsecure(oidc)) throw new TypeError("the authorization endpoint is not https");
    const pending = {
      issuer: server.issuer,
      state: oauth.generateRandomState(),
      nonce: oauth.generateRandomNonce(),
      verifier: oauth.generateRandomCodeVerifier(),
    };
    const parameters = {
      response_type: "code",
      client_id: oidc.clientId,
      redirect_uri: redirectUri,
      scope: oidc.scopes,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    return { url: url.href, pending };
  });
}

/** The person whom the provider's answer at `callback` signs in. Throws `ProviderError`. */
export function finishAuthorization(
  oidc: OidcConfig,
  redirectUri: string,
  { pending, callback }: { readonly pending: PendingAuthorization; readonly callback: URL },
  clock: Clock,
): Promise<ProviderPerson> {
  return withProvider(oidc, clock, async (server, options) => {
    // The deployment may have changed its provider meanwhile: an answer of one is never taken for another's.
    if (server.issuer !== pending.issuer) throw new oauth.OperationProcessingError("the issuer has changed");
    const client: oauth.Client = { client_id: oidc.clientId };
    const parameters = oauth.validateAuthResponse(server, client, callback, pending.state);
    const authentication = authenticateClient(oidc, server);
    const { verifier, nonce } = pending;
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      authentication,
      parameters,
      redirectUri,
      verifier,
      options,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    });
    // OpenID Connect Core 3.1.3.7 leaves this to TLS; the signature is checked all the same.
    await oauth.validateApplicationLevelSignature(server, response, options);
    const claims = oauth.getValidatedIdTokenClaims(tokens);
    if (claims === undefined) throw new oauth.OperationProcessingError("the answer has no ID token");
    const more = await fetchMissingClaims(oidc, { server, client, claims, tokens, options });
    return describePerson(oidc, server.issuer, claims, more);
  });
}

/** What the provider says of a person: the ID token's claims, and more from its userinfo endpoint. */
function describePerson(
  { nameClaim }: OidcConfig,
  issuer: string,
  claims: oauth.IDToken,
  more: JsonObject,
): ProviderPerson {
  // An address and the word that it is verified stand in one document, or one could vouch for the other's.
  const { email, email_verified } = claims["email"] === undefined ? more : (claims as JsonObject);
  // Some providers write the boolean as a text.
  const isVerified = email_verified === true || email_verified === "true";
  return {
    issuer,
    subject: claims.sub,
    name: claims[nameClaim] ?? more[nameClaim],
    email: isVerified ? parseEmailAddress(email) : null,
  };
}

interface TokenAnswer {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly claims: oauth.IDToken;
  readonly tokens: oauth.TokenEndpointResponse;
  readonly options: ProviderRequestOptions;
}

/** Many providers tell names and addresses at their userinfo endpoint only. */
async function fetchMissingClaims(
  { nameClaim }: OidcConfig,
  { server, client, claims, tokens, options }: TokenAnswer,
): Promise<JsonObject> {
  const isComplete = typeof claims[nameClaim] === "string" && claims["email"] !== undefined;
  if (isComplete || server.userinfo_endpoint === undefined) return {};
  const response = await oauth.userInfoRequest(server, client, tokens.access_token, options);
  return oauth.processUserInfoResponse(server, client, claims.sub, response);
}

function authenticateClient({ clientSecret }: OidcConfig, server: oauth.AuthorizationServer): oauth.ClientAuth {
  if (clientSecret === null) return oauth.None();
  // OpenID Connect Discovery 3: "If omitted, the default is client_secret_basic".
  const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
  return methods.includes("client_secret_basic")
    ? oauth.ClientSecretBasic(clientSecret)
    : oauth.ClientSecretPost(clientSecret);
}

/** Only for a provider on this machine; the configuration permits no other by `http`. */
const isInsecure = ({ issuer }: OidcConfig): boolean => issuer.startsWith("http:");

let cachedMetadata: {
  readonly issuer: string;
  readonly server: oauth.AuthorizationServer;
  readonly untilMs: number;
} | null = null;

/** Runs one step with the provider's metadata, within its time. Throws `ProviderError`. */
async function withProvider<Result>(
  oidc: OidcConfig,
  clock: Clock,
  run: (server: oauth.AuthorizationServer, options: ProviderRequestOptions) => Promise<Result>,
): Promise<Result> {
  const deadline = startDeadline(clock, OIDC_LIMITS.stepMs);
  const options = { signal: deadline.signal, [oauth.allowInsecureRequests]: isInsecure(oidc) };
  try {
    return await run(await loadMetadata(oidc.issuer, clock.nowMs(), options), options);
  } catch (error) {
    throw new ProviderError(classifyFailure(error), error instanceof Error ? error.message : "", error);
  } finally {
    deadline.cancel();
  }
}

async function loadMetadata(
  issuer: string,
  nowMs: number,
  options: ProviderRequestOptions,
): Promise<oauth.AuthorizationServer> {
  if (cachedMetadata?.issuer === issuer && nowMs < cachedMetadata.untilMs) return cachedMetadata.server;
  const url = new URL(issuer);
  const server = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, options));
  cachedMetadata = { issuer, server, untilMs: nowMs + OIDC_LIMITS.metadataMs };
  return server;
}

/** Answers that were judged are refused; everything else is no answer. */
function classifyFailure(error: unknown): ProviderFailure {
  if (error instanceof oauth.AuthorizationResponseError) {
    return error.error === "access_denied" ? "cancelled" : "refused";
  }
  if (error instanceof oauth.ResponseBodyError) return error.status >= 500 ? "provider" : "refused";
  const { code } = error as { readonly code?: unknown };
  const isDiscovery = error instanceof oauth.OperationProcessingError && code === oauth.RESPONSE_IS_NOT_CONFORM;
  const isJudged = error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError;
  return isJudged && !isDiscovery ? "refused" : "provider";
}
