/** A signed token, and the link that signs in with it. */
import { signViewerToken } from "../kit/viewer-token.ts";
import { quoteShellWord } from "./shell-word.ts";
import type { TokenOptions } from "./token-options.ts";

/** What a token is made of besides its options: the signing secret, and whom it names. */
export interface TokenInputs {
  readonly secret: string;
  readonly edgeUrl: string;
  readonly subject: string;
  readonly nowMs: number;
}

/** The lines of `npm run token`. A viewer's link opens the watch page, and only staff's the studio. */
export async function describeToken(options: TokenOptions, inputs: TokenInputs): Promise<string[]> {
  const { role, stream, name, expiresS } = options;
  const { edgeUrl, subject, nowMs } = inputs;
  const token = await signViewerToken({ role, stream, subject, name, expiresS }, inputs.secret, nowMs);
  const page = role === "viewer" ? "watch" : "studio";
  const until = new Date(nowMs + 1_000 * expiresS).toISOString().replace(/\.\d+Z$/, "Z");
  const warning = role === "viewer" ? "" : ` Anyone with this link is a ${role} of ${stream}.`;
  const body = quoteShellWord(JSON.stringify({ subject, version: 1 }));
  const revocations = quoteShellWord(`${edgeUrl}/api/streams/${stream}/revocations`);
  return [
    `${name} (${subject}), ${role} of ${stream} until ${until}.${warning}`,
    `Link:   ${edgeUrl}/${page}/${stream}#token=${token}`,
    `Token:  ${token}`,
    `Revoke: curl -X POST ${revocations} -H "Authorization: Bearer ADMIN-TOKEN" -d ${body}`,
  ];
}
