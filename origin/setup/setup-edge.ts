/** Deploys an edge: the steps of the plan, and what the operator reads. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quoteShellWord } from "../cli/shell-word.ts";
import { UsageError } from "../kit/errors.ts";
import { signViewerToken } from "../kit/viewer-token.ts";
import { buildPages } from "../local-edge/build-pages.ts";
import { writePageFolder } from "../local-edge/page-folders.ts";
import { writeDeployConfig } from "./deploy-config.ts";
import {
  keepNewSecret,
  readKeptSecret,
  secretFile,
  secretsFolder,
  settleSecret,
  unfinishedSecrets,
} from "./kept-secrets.ts";
import { parseDomain, parseWorkerName, type SetupOptions } from "./setup-options.ts";
import {
  type AccountState,
  derivingSecret,
  describeDerivation,
  describeStep,
  isOperatorSecret,
  planSetup,
  type SetupChoices,
  type SetupSecret,
} from "./setup-plan.ts";
import { type Account, Wrangler } from "./wrangler.ts";

const EMPTY_ACCOUNT: AccountState = { buckets: [], hasWorker: false, secrets: [] };
/** The longest time that an edge accepts. */
const LINK_S = 86_400;

/** The world around the command. */
export interface SetupContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nowMs: () => number;
  /** A new secret of 32 random bytes, as text. */
  readonly newSecret: () => string;
  readonly print: (line: string) => void;
  /** The answer to a question; null without a terminal. */
  readonly ask: ((question: string) => Promise<string>) | null;
}

/** Runs the command. Throws `UsageError` and `WranglerError`. Prints no secret but the link at the end. */
export async function setUpEdge(options: SetupOptions, context: SetupContext): Promise<void> {
  const { yes, dryRun } = options;
  if (context.ask === null && !yes && !dryRun)
    throw new UsageError("Without a terminal nothing can be asked: add --yes, with --name and --domain, or --dry-run.");
  const folder = mkdtempSync(join(tmpdir(), "corral-setup-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    const account = await openAccount(new Wrangler(folder), options, context);
    const wrangler = account === null ? null : new Wrangler(folder, account);
    const answers = await choose(options, context);
    const keptIn = account === null ? null : secretsFolder(account, answers.name, context.env);
    const choices = { ...answers, unfinished: keptIn === null ? [] : unfinishedSecrets(keptIn) };
    const state = wrangler === null ? EMPTY_ACCOUNT : await wrangler.inspectAccount(choices.name);
    const deriving = derivingSecret(state);
    if (deriving !== null) {
      const sentence = describeDerivation(deriving, choices.name);
      if (choices.rotate) throw new UsageError(sentence);
      context.print(sentence);
    }
    const steps = planSetup(choices, state);
    context.print(dryRun ? "Would do, in this order:" : "To do, in this order:");
    for (const [index, step] of steps.entries()) context.print(`  ${index + 1}. ${describeStep(step)}`);
    if (!dryRun && !(yes || (await confirm(context)))) throw new UsageError("Nothing was changed.");
    const pages = await writePageFolder(folder, await buildPages());
    const config = writeDeployConfig(folder, pages.directory, choices);
    if (dryRun || wrangler === null || keptIn === null) {
      await new Wrangler(folder).checkDeploy(config);
      context.print("wrangler deploy --dry-run: the Worker and its pages bundle. Nothing was changed.");
      return;
    }
    // Before anything is changed: what is put and not kept would be lost.
    const kept = new Map<SetupSecret, string>();
    for (const step of steps) {
      if (step.kind === "put-secret" && isOperatorSecret(step.secret))
        kept.set(step.secret, keepNewSecret(keptIn, step.secret, context.newSecret));
    }
    let urls: readonly string[] = [];
    for (const step of steps) {
      context.print(describeStep(step));
      if (step.kind === "create-bucket") await wrangler.createBucket(step.bucket);
      else if (step.kind === "deploy") urls = await wrangler.deploy(config);
      else {
        await wrangler.putSecret(choices.name, step.secret, kept.get(step.secret) ?? context.newSecret());
        if (kept.has(step.secret)) settleSecret(keptIn, step.secret);
      }
    }
    const [url] = choices.domain === null ? urls : [`https://${choices.domain}`];
    const canRotate = deriving === null;
    for (const line of await describeEnd({ url, keptIn, options, choices, canRotate, nowMs: context.nowMs() }))
      context.print(line);
  } finally {
    process.off("exit", remove);
    remove();
  }
}

/** The id of the account to deploy to; null in a dry run without a login. */
async function openAccount(
  wrangler: Wrangler,
  { yes, dryRun }: SetupOptions,
  { env, print, ask }: SetupContext,
): Promise<string | null> {
  let accounts = await wrangler.findAccounts();
  if (accounts === null && dryRun) {
    print("Wrangler is not signed in to Cloudflare: the steps are those for an empty account.");
    return null;
  }
  if (accounts === null && !yes) {
    print("Wrangler is not signed in to Cloudflare: its login opens in a browser.");
    await wrangler.login();
    accounts = await wrangler.findAccounts();
  }
  if (accounts === null)
    throw new UsageError(
      "Wrangler is not signed in to Cloudflare: run npx wrangler login, or set CLOUDFLARE_API_TOKEN.",
    );
  const named = env["CLOUDFLARE_ACCOUNT_ID"];
  if (named !== undefined && named !== "") return parseAccountId(named);
  const [only, ...others] = accounts;
  if (only === undefined) throw new UsageError("The login has no account; give its token access to one.");
  if (others.length === 0) return only.id;
  return (await chooseAccount(accounts, yes || dryRun ? null : ask)).id;
}

/** An account's id, which is also a folder's name. */
function parseAccountId(text: string): string {
  if (/^[0-9a-z]{1,64}$/i.test(text)) return text;
  throw new UsageError("CLOUDFLARE_ACCOUNT_ID is not an account's id, such as 023e105f4ecef8ad9ca31a8372d0c353.");
}

async function chooseAccount(accounts: readonly Account[], ask: SetupContext["ask"]): Promise<Account> {
  const list = accounts.map(({ name, id }, index) => `  ${index + 1}. ${name} (${id})`).join("\n");
  if (ask === null) throw new UsageError(`The login has several accounts; set CLOUDFLARE_ACCOUNT_ID to one:\n${list}`);
  const answer = await ask(`The login has several accounts:\n${list}\nNumber of the account: `);
  const chosen = accounts[Number(answer) - 1];
  if (chosen === undefined) throw new UsageError(`There is no account "${answer}".`);
  return chosen;
}

async function choose(
  { name, domain, rotate, yes, dryRun }: SetupOptions,
  { ask }: SetupContext,
): Promise<Omit<SetupChoices, "unfinished">> {
  const asks = yes || dryRun ? null : ask;
  const answered = name ?? ((await asks?.("Name of the Worker [corral]: ")) || "corral");
  const question = "Custom domain, whose zone is in the same account [none: workers.dev]: ";
  const place = domain ?? ((await asks?.(question)) || null);
  return { name: parseWorkerName(answered), domain: place === null ? null : parseDomain(place), rotate };
}

const confirm = async ({ ask }: SetupContext): Promise<boolean> =>
  /^y(?:es)?$/i.test((await ask?.("Go on? [y/N] ")) ?? "");

/** What a finished deployment tells the operator. */
async function describeEnd({
  url,
  keptIn,
  options,
  choices,
  canRotate,
  nowMs,
}: {
  readonly url: string | undefined;
  readonly keptIn: string;
  readonly options: SetupOptions;
  readonly choices: SetupChoices;
  readonly canRotate: boolean;
  readonly nowMs: number;
}): Promise<string[]> {
  const { stream } = options;
  const again = `Update it with: npm run setup-edge -- --yes --name ${choices.name}${choices.domain === null ? "" : ` --domain ${choices.domain}`}`;
  if (url === undefined)
    return ["Deployed; wrangler named no address. Add one with --domain, or turn workers.dev on.", again];
  const secret = readKeptSecret(keptIn, "CORRAL_VIEWER_SECRET");
  if (secret === null) {
    return [
      `Deployed: ${url}`,
      `Its secrets were made before, and are not in ${keptIn}${canRotate ? ": --rotate makes others, and a link that signs in." : "."}`,
      again,
    ];
  }
  const host = { role: "host", stream, subject: "host", name: "Host", expiresS: LINK_S } as const;
  const token = await signViewerToken(host, secret, nowMs);
  const hasAdminToken = readKeptSecret(keptIn, "CORRAL_ADMIN_TOKEN") !== null;
  return [
    `Deployed: ${url}`,
    hasAdminToken
      ? `Admin token: ${secretFile(keptIn, "CORRAL_ADMIN_TOKEN")}`
      : `Its admin token was made before, and is not in ${keptIn}.`,
    `Further links: npm run token -- --role host --stream ${stream} --edge ${url} --secret-file ${quoteShellWord(secretFile(keptIn, "CORRAL_VIEWER_SECRET"))}`,
    "Sign-in for hosts and viewers, with an OpenID provider or by mail: docs/deploy.md, Sign-in",
    again,
    `Studio, for a day (keep it to yourself: anyone with this link is the host of ${stream}):`,
    `${url}/studio/${stream}#token=${token}`,
  ];
}
