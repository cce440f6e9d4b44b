/** Signing in with the deployment's OpenID provider: the way there, and its answer. */
import { SIGN_IN_CALLBACK_PATH, type SignInTarget } from "../../core/access/sign-in-path.ts";
import type { OidcConfig, SignInConfig } from "../../core/api/sign-in-config.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { issueAccountToken } from "./account-token.ts";
import { finishAuthorization, ProviderError, startAuthorization } from "./oidc-client.ts";
import { createSignInCookie, endSignInCookie, type PendingProviderSignIn, readSignInCookie } from "./sign-in-cookie.ts";
import { redirectTo, renderFailure, renderIssued, type SignInFailure } from "./sign-in-pages.ts";

/** Sends a person to the provider. */
export async function startProviderSignIn(
  { env, config, platform }: RequestScope,
  signIn: SignInConfig,
  oidc: OidcConfig,
  target: SignInTarget,
): Promise<Response> {
  const { clock } = platform;
  try {
    const { url, pending } = await startAuthorization(oidc, redirectUriOf(signIn), clock);
    const kept = { kind: "provider", ...target, ...pending } as const;
    const cookie = await createSignInCookie(config, signIn, kept, clock.nowMs());
    return redirectTo(url, cookie);
  } catch (error) {
    return renderFailure(env, reportFailure(error), target);
  }
}

/** The provider's answer: the page that it was for, with a token. */
export async function finishProviderSignIn(scope: RequestScope, signIn: SignInConfig): Promise<Response> {
  const { env, config, request, platform } = scope;
  const callback = new URL(request.url);
  const when = { kind: "provider", nowMs: platform.clock.nowMs() } as const;
  const pending = await readSignInCookie(config, signIn, request, when);
  // Another site can send a browser here, and must not end what its own answer will finish.
  if (pending === null || signIn.oidc === null || callback.searchParams.get("state") !== pending.state) {
    return renderFailure(env, "other-browser", null);
  }
  const answer = await answerCallback(scope, { signIn, oidc: signIn.oidc, pending, callback });
  answer.headers.set("set-cookie", endSignInCookie(signIn));
  return answer;
}

interface ProviderAnswer {
  readonly signIn: SignInConfig;
  readonly oidc: OidcConfig;
  readonly pending: PendingProviderSignIn;
  readonly callback: URL;
}

async function answerCallback(
  scope: RequestScope,
  { signIn, oidc, pending, callback }: ProviderAnswer,
): Promise<Response> {
  const { env, platform } = scope;
  try {
    const answer = { pending, callback };
    const person = await finishAuthorization(oidc, redirectUriOf(signIn), answer, platform.clock);
    const { issuer, subject, name, email } = person;
    const issued = await issueAccountToken(scope, signIn, pending.stream, {
      account: ["oidc", issuer, subject],
      reach: oidc.reach,
      name,
      proven: { email, providerSubject: subject },
    });
    return renderIssued(env, pending, issued);
  } catch (error) {
    return renderFailure(env, reportFailure(error), pending);
  }
}

const redirectUriOf = ({ origin }: SignInConfig): string => `${origin}${SIGN_IN_CALLBACK_PATH}`;

/** What a person is told of an error; the operator is told the provider's, without its answer. */
function reportFailure(error: unknown): SignInFailure {
  if (!(error instanceof ProviderError)) throw error;
  if (error.failure !== "cancelled") console.warn(`sign-in: ${error.failure}: ${error.message}`);
  return error.failure;
}
