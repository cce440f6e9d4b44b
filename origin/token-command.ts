/** The command `npm run token`: from its words to what it prints. */
import { readFileSync } from "node:fs";
import type { Platform } from "../core/kit/clock.ts";
import { describeToken } from "./cli/token-link.ts";
import { parseTokenOptions, renderTokenHelp, type TokenOptions } from "./cli/token-options.ts";
import { errorMessage, UsageError } from "./kit/errors.ts";
import { DataFolderError, readFolderSecret } from "./local-edge/data-folder.ts";
import { defaultDataFolder } from "./local-edge/local-edge.ts";

/** Bytes that a viewer secret has at least, as the edge requires. */
const MIN_SECRET_BYTES = 32;

/** Used environment variables. */
export interface TokenEnvironment {
  readonly CORRAL_VIEWER_SECRET?: string | undefined;
}

/** What a command prints, and its exit code: 0, or 2 for wrong usage. */
export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command. It prints no secret of the edge. */
export async function runTokenCommand(
  words: readonly string[],
  env: TokenEnvironment,
  { clock, newId }: Pick<Platform, "clock" | "newId">,
): Promise<CommandResult> {
  if (words.includes("--help") || words.includes("-h")) return { code: 0, out: renderTokenHelp(), err: "" };
  try {
    const options = parseTokenOptions(words);
    const { secret, edgeUrl } = findEdge(options.edge, env);
    const subject = options.subject ?? `${options.role}-${newId().slice(0, 8)}`;
    const lines = await describeToken(options, { secret, edgeUrl, subject, nowMs: clock.nowMs() });
    return { code: 0, out: `${lines.join("\n")}\n`, err: "" };
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof DataFolderError)) throw error;
    return { code: 2, out: "", err: `${error.message}\n` };
  }
}

function findEdge(edge: TokenOptions["edge"], env: TokenEnvironment): { secret: string; edgeUrl: string } {
  if (edge.kind === "local") {
    const folder = edge.dataDir ?? defaultDataFolder(edge.port);
    const secret = readFolderSecret(folder, "viewer");
    if (secret !== null) return { secret, edgeUrl: `http://127.0.0.1:${edge.port}` };
    throw new UsageError(
      `${folder} has no key yet: start the edge once with npm start, name its folder with --data or its port with --port, or name a deployed edge with --edge.`,
    );
  }
  const secret = edge.secretFile === null ? env.CORRAL_VIEWER_SECRET : readSecretFile(edge.secretFile);
  if (secret === undefined || secret === "") {
    throw new UsageError(
      "--edge needs the edge's viewer secret: --secret-file FILE, or CORRAL_VIEWER_SECRET in the environment. docs/deploy.md says how to set one.",
    );
  }
  if (new TextEncoder().encode(secret).byteLength < MIN_SECRET_BYTES)
    throw new UsageError(`A viewer secret has at least ${MIN_SECRET_BYTES} bytes; this is another text.`);
  return { secret, edgeUrl: edge.url };
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new UsageError(`--secret-file cannot be read: ${errorMessage(cause)}.`, { cause });
  }
}
