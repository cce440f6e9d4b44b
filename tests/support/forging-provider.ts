/** An OpenID provider whose answers a test writes: what a thief, a broken or a hostile provider would send. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose";
import { freePort } from "./ports.ts";

/** Claims of any kind; undefined ones are left out. */
export type ForgedClaims = Readonly<Record<string, unknown>>;

/** A token answer: the provider's own ID token with changes, another text in its place, or no answer at all. */
export interface ForgedAnswer {
  readonly claims?: ForgedClaims;
  /** The whole token, from the claims that it should have. */
  readonly idToken?: (claims: ForgedClaims, kid: string) => string | Promise<string> | undefined;
  readonly status?: number;
  /** More members of the answer, or others. */
  readonly members?: object;
  readonly userinfo?: object;
  readonly isSilent?: boolean;
}

/** A running provider. */
export interface ForgingProvider {
  readonly issuer: string;
  /** What the token endpoint has been asked, as form fields. */
  readonly asked: URLSearchParams[];
  /** The public key, as JWK. */
  readonly publicKey: string;
  answer: ForgedAnswer;
  stop(): Promise<void>;
}

const KID = "key-1";

/** Starts a provider; `base` are the claims of every token, before changes. */
export async function startForgingProvider(base: (issuer: string) => ForgedClaims): Promise<ForgingProvider> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: KID, alg: "RS256", use: "sig" };
  const asked: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => void serve(request.url ?? "", Buffer.concat(chunks).toString(), response));
  });
  const provider: ForgingProvider = {
    ...{ issuer, asked, publicKey: JSON.stringify(jwk), answer: {} },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };

  async function serve(path: string, body: string, response: ServerResponse): Promise<void> {
    const { answer } = provider;
    if (path.endsWith("/.well-known/openid-configuration")) return send(response, 200, metadata(issuer));
    if (path === "/jwks") return send(response, 200, { keys: [jwk] });
    if (path === "/userinfo") return send(response, 200, answer.userinfo ?? {});
    asked.push(new URLSearchParams(body));
    if (answer.isSilent === true) return;
    const claims = { ...base(issuer), ...answer.claims };
    const idToken =
      answer.idToken === undefined ? await signIdToken(claims, privateKey) : await answer.idToken(claims, KID);
    const members = { access_token: "access", token_type: "Bearer", id_token: idToken, ...answer.members };
    send(response, answer.status ?? 200, members);
  }

  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return provider;
}

/** An ID token as the provider signs it. */
export function signIdToken(
  claims: ForgedClaims,
  key: CryptoKey | Uint8Array,
  header: JWTHeaderParameters = { alg: "RS256", kid: KID },
): Promise<string> {
  return new SignJWT(claims as JWTPayload).setProtectedHeader(header).sign(key);
}

const metadata = (issuer: string): object => ({
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  userinfo_endpoint: `${issuer}/userinfo`,
  jwks_uri: `${issuer}/jwks`,
  // As some providers list them: no token without a signature by a key of theirs is taken all the same.
  id_token_signing_alg_values_supported: ["RS256", "HS256", "none"],
});

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
