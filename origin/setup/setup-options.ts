/** The command line of `npm run setup-edge`: its options and help text, and their validation. */
import { type ArgsDef, parseArgs } from "citty";
import type { StreamName } from "../../core/kit/ids.ts";
import { describeOptionError } from "../cli/option-errors.ts";
import { parseStreamOption } from "../cli/options.ts";
import { renderHelpText } from "../cli/usage.ts";
import { UsageError } from "../kit/errors.ts";

/** The validated options; null: not given, to be asked. */
export interface SetupOptions {
  readonly name: string | null;
  readonly domain: string | null;
  readonly stream: StreamName;
  readonly rotate: boolean;
  readonly yes: boolean;
  readonly dryRun: boolean;
}

const SETUP_ARGS = {
  name: { type: "string", valueHint: "NAME", description: "name of the Worker and of its bucket, NAME-media (corral)" },
  domain: {
    type: "string",
    valueHint: "DOMAIN",
    description: "custom domain, whose zone is in the same account (without: the account's workers.dev)",
  },
  stream: { type: "string", default: "live", valueHint: "NAME", description: "stream that the link at the end opens" },
  rotate: { type: "boolean", default: false, description: "replace the admin token and the viewer secret" },
  yes: { type: "boolean", default: false, description: "ask nothing" },
  "dry-run": { type: "boolean", default: false, description: "print the steps and build everything; change nothing" },
} as const satisfies ArgsDef;

/** The help text. */
export function renderSetupHelp(): string {
  const description =
    "Deploys an edge to Cloudflare, makes its secrets, and prints a link that signs in as the host. Run it again to update.";
  return renderHelpText({ command: "npm run setup-edge --", description, args: SETUP_ARGS });
}

/** Parses and validates `words`. Throws `UsageError` with one sentence. */
export function parseSetupOptions(words: readonly string[]): SetupOptions {
  const args = parseArgs<typeof SETUP_ARGS>([...words], SETUP_ARGS);
  const complaint = describeOptionError(args, SETUP_ARGS);
  if (complaint !== null) throw new UsageError(complaint);
  const { name, domain, stream, rotate, yes, "dry-run": dryRun } = args;
  return {
    name: name === undefined ? null : parseWorkerName(name),
    domain: domain === undefined ? null : parseDomain(domain),
    stream: parseStreamOption(stream),
    ...{ rotate, yes, dryRun },
  };
}

/** A Worker's name that is also part of a bucket's. Throws `UsageError`. */
export function parseWorkerName(text: string): string {
  if (/^[a-z0-9](?:[a-z0-9-]{0,50}[a-z0-9])?$/.test(text)) return text;
  throw new UsageError(`"${text}" is not a Worker's name; use 1 to 52 of a–z, 0–9 and -, not at its ends.`);
}

/** A domain name. Throws `UsageError`. */
export function parseDomain(text: string): string {
  const name = text.toLowerCase();
  const isDomain =
    name.length <= 253 && /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(name);
  if (isDomain) return name;
  throw new UsageError(`"${text}" is not a domain name, such as live.example.com.`);
}
