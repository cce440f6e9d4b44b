/** A real OpenID provider on this machine, where everybody signs in by a name without a password. */
import { once } from "node:events";
import { createServer } from "node:http";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";
import { freePort } from "./ports.ts";

/** A running provider. */
export interface OpenIdProvider {
  readonly issuer: string;
  stop(): Promise<void>;
}

/** The edge at the provider; and another one, which has no secret. */
export const TEST_CLIENT = {
  id: "corral",
  secret: "a secret of the edge at its provider",
  publicId: "corral-public",
} as const;

/** Starts a provider; `people` are their claims by subject. */
export async function startOpenIdProvider(
  redirectUris: readonly string[],
  people: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Promise<OpenIdProvider> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const provider = new Provider(issuer, {
    clients: [
      { client_id: TEST_CLIENT.id, client_secret: TEST_CLIENT.secret, redirect_uris: redirectUris },
      { client_id: TEST_CLIENT.publicId, token_endpoint_auth_method: "none", redirect_uris: redirectUris },
    ],
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
    findAccount: (_context: unknown, subject: string) => ({
      accountId: subject,
      claims: () => ({ ...people[subject], sub: subject }),
    }),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: "key-1", alg: "RS256", use: "sig" }] },
    cookies: { keys: ["of the tests"] },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });
  const server = createServer(provider.callback());
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    issuer,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
