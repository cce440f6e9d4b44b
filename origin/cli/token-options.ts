/** The command line of `npm run token`: its options and help text, and their validation. */
import { type ArgsDef, parseArgs } from "citty";
import { hasChosenName } from "../../core/access/account.ts";
import { isGuestSubject } from "../../core/access/guest.ts";
import type { StreamName } from "../../core/kit/ids.ts";
import { readText } from "../../core/kit/json-fields.ts";
import { UsageError } from "../kit/errors.ts";
import { TOKEN_ROLES, type TokenRole } from "../kit/viewer-token.ts";
import { describeOptionError } from "./option-errors.ts";
import { parseEdgeUrl, parseNumberOption, parseStreamOption } from "./options.ts";
import { renderHelpText } from "./usage.ts";

/** Limits of the options; beyond them the command line is refused with a sentence that names them. */
const TOKEN_OPTION_LIMITS = {
  minExpiresS: 60,
  /** The edge accepts no token for longer after its issue. */
  maxExpiresS: 86_400,
  /** Characters of a name and of a subject. */
  nameChars: 64,
} as const;

/** The validated options. */
export interface TokenOptions {
  readonly role: TokenRole;
  readonly stream: StreamName;
  readonly name: string;
  /** Null: a new person. */
  readonly subject: string | null;
  readonly expiresS: number;
  /** The edge of the link, and where its secret is: in a local edge's data folder, or given for a deployed one. */
  readonly edge:
    | { readonly kind: "local"; readonly port: number; readonly dataDir: string | null }
    | { readonly kind: "deployed"; readonly url: string; readonly secretFile: string | null };
}

const TOKEN_ARGS = {
  role: { type: "string", valueHint: TOKEN_ROLES.join("|"), description: "whom the link makes its bearer" },
  stream: { type: "string", default: "demo", valueHint: "NAME", description: "the stream; the token opens no other" },
  name: { type: "string", valueHint: "NAME", description: "name in the chat (default: the role)" },
  subject: { type: "string", valueHint: "ID", description: "account of the bearer (default: a new one)" },
  expires: { type: "string", default: "12h", valueHint: "TIME", description: "lifetime: 30m, 12h, at most 1d" },
  port: { type: "string", default: "8787", valueHint: "PORT", description: "port of the local edge" },
  data: { type: "string", valueHint: "DIR", description: "data folder of the local edge (default .corral/edge-PORT)" },
  edge: { type: "string", valueHint: "URL", description: "a deployed edge instead; needs its viewer secret" },
  "secret-file": {
    type: "string",
    valueHint: "FILE",
    description: "file with the viewer secret of --edge (or CORRAL_VIEWER_SECRET)",
  },
} as const satisfies ArgsDef;

/** The help text. */
export function renderTokenHelp(): string {
  const description = "Prints a link that signs in as host, moderator or viewer.";
  return renderHelpText({ command: "npm run token --", description, args: TOKEN_ARGS });
}

/** Parses and validates `words`. Throws `UsageError` with one sentence. */
export function parseTokenOptions(words: readonly string[]): TokenOptions {
  const args = parseArgs<typeof TOKEN_ARGS>([...words], TOKEN_ARGS);
  const complaint = describeOptionError(args, TOKEN_ARGS);
  if (complaint !== null) throw new UsageError(complaint);
  const role = TOKEN_ROLES.find((each) => each === args.role);
  if (role === undefined) throw new UsageError(`--role is ${TOKEN_ROLES.join(", ")}.`);
  const { edge: url, "secret-file": secretFile = null, data: dataDir = null } = args;
  if (url === undefined && secretFile !== null)
    throw new UsageError("--secret-file requires --edge; a local edge has its secret in its data folder.");
  if (url !== undefined && dataDir !== null)
    throw new UsageError("--data is of a local edge, --edge of a deployed one.");
  const port = parseNumberOption("--port", args.port, 1, 65_535, true);
  return {
    role,
    stream: parseStreamOption(args.stream),
    name: args.name === undefined ? `${role[0]?.toUpperCase()}${role.slice(1)}` : parsePersonText("--name", args.name),
    subject: args.subject === undefined ? null : parseSubject(args.subject),
    expiresS: parseExpires(args.expires),
    edge:
      url === undefined ? { kind: "local", port, dataDir } : { kind: "deployed", url: parseEdgeUrl(url), secretFile },
  };
}

function parseSubject(text: string): string {
  const subject = parsePersonText("--subject", text);
  if (hasChosenName(subject)) {
    const whose = isGuestSubject(subject) ? "a guest's" : "an account's of the edge's own sign-in";
    throw new UsageError(`--subject "${subject}" is ${whose}, and the edge takes no token for it.`);
  }
  return subject;
}

function parsePersonText(flag: string, text: string): string {
  // They would reach the terminal, and a shell by the line to copy.
  if (/\p{Cc}/u.test(text)) throw new UsageError(`${flag} has no control characters.`);
  const known = readText(text, TOKEN_OPTION_LIMITS.nameChars);
  if (known !== null) return known;
  throw new UsageError(`${flag} has 1 to ${TOKEN_OPTION_LIMITS.nameChars} characters.`);
}

const UNIT_S: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };

function parseExpires(text: string): number {
  const [, count = "", unit = ""] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (UNIT_S[unit] ?? 0);
  const { minExpiresS, maxExpiresS } = TOKEN_OPTION_LIMITS;
  if (seconds >= minExpiresS && seconds <= maxExpiresS) return seconds;
  throw new UsageError(`--expires is a time from 1m to 1d, such as 30m or 12h, not "${text}".`);
}
