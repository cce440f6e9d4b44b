/** Calls of the `wrangler` program. Secrets go to its standard input. */
import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { z } from "zod";
import type { AccountState, SetupSecret } from "./setup-plan.ts";

/** Wrangler failed; `message` has its own words. */
export class WranglerError extends Error {
  override readonly name = "WranglerError";
}

/** An account of the operator. */
export interface Account {
  readonly id: string;
  readonly name: string;
}

const WhoamiSchema = z.object({
  loggedIn: z.boolean(),
  accounts: z.array(z.object({ id: z.string(), name: z.string() })).default([]),
});
const SecretsSchema = z.array(z.object({ name: z.string() }));

/** Wrangler's words for a Worker that is not there, and Cloudflare's code. */
const NO_WORKER = /Worker "[^"]+" not found|\b10007\b/;
/** Cloudflare's words for a bucket that the account has, and its code. */
const BUCKET_EXISTS = /bucket you tried to create already exists|\b10004\b/;

interface CallResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Wrangler for one account. */
export class Wrangler {
  readonly #folder: string;
  readonly #accountId: string | null;

  /** `folder` takes its log files. */
  constructor(folder: string, accountId: string | null = null) {
    this.#folder = folder;
    this.#accountId = accountId;
  }

  /** The accounts of the login; null without a login. */
  async findAccounts(): Promise<readonly Account[] | null> {
    const { out, err } = await this.#call(["whoami", "--json"]);
    const start = out.indexOf("{");
    const answer = WhoamiSchema.safeParse(start < 0 ? null : JSON.parse(out.slice(start)));
    if (!answer.success) throw new WranglerError(`wrangler whoami failed: ${lastWords(out, err)}`);
    return answer.data.loggedIn ? answer.data.accounts : null;
  }

  /** Opens Cloudflare's login in a browser, and waits for it. Its address is shown, for a machine without a browser. */
  async login(): Promise<void> {
    const child = spawn("wrangler", ["login"], { cwd: this.#folder, env: this.#environment(), stdio: "inherit" });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", (cause) => reject(notStarted(cause)));
      child.once("close", resolve);
    });
    if (code !== 0) throw new WranglerError("wrangler login failed.");
  }

  /** What exists for the Worker `name`. Wrangler lists 20 buckets at most: one that is not among them may exist. */
  async inspectAccount(name: string): Promise<AccountState> {
    const listed = await this.#run(["r2", "bucket", "list"]);
    const buckets = [...listed.matchAll(/^name:\s+(\S+)\s*$/gm)].map(([, bucket = ""]) => bucket);
    const args = ["secret", "list", "--name", name, "--format", "json"];
    const { code, out, err } = await this.#call(args);
    if (code === 0)
      return { buckets, hasWorker: true, secrets: SecretsSchema.parse(JSON.parse(out)).map((secret) => secret.name) };
    if (NO_WORKER.test(`${out}${err}`)) return { buckets, hasWorker: false, secrets: [] };
    throw new WranglerError(`wrangler ${args.join(" ")} failed: ${lastWords(out, err)}`);
  }

  /** Creates the bucket, unless the account has it. */
  async createBucket(bucket: string): Promise<void> {
    const args = ["r2", "bucket", "create", bucket, "--update-config=false"];
    const { code, out, err } = await this.#call(args);
    if (code === 0 || BUCKET_EXISTS.test(`${out}${err}`)) return;
    throw new WranglerError(`wrangler ${args.join(" ")} failed: ${lastWords(out, err)}`);
  }

  /** Deploys; returns the addresses that wrangler names. */
  async deploy(config: string): Promise<readonly string[]> {
    const out = await this.#run(["deploy", "--config", config]);
    return [...out.matchAll(/https:\/\/[a-z0-9.-]+\.workers\.dev/g)].map(([url]) => url);
  }

  /** Bundles and checks everything, and uploads nothing; needs no login. */
  async checkDeploy(config: string): Promise<void> {
    await this.#run(["deploy", "--config", config, "--dry-run", "--outdir", `${this.#folder}/worker`]);
  }

  async putSecret(name: string, secret: SetupSecret, value: string): Promise<void> {
    await this.#run(["secret", "put", secret, "--name", name], value);
  }

  async #run(args: readonly string[], input = ""): Promise<string> {
    const { code, out, err } = await this.#call(args, input);
    if (code === 0) return out;
    throw new WranglerError(`wrangler ${args.join(" ")} failed: ${lastWords(out, err)}`);
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      NO_COLOR: "1",
      FORCE_COLOR: "0",
      WRANGLER_LOG_PATH: this.#folder,
      ...(this.#accountId === null ? {} : { CLOUDFLARE_ACCOUNT_ID: this.#accountId }),
    };
  }

  #call(args: readonly string[], input = ""): Promise<CallResult> {
    const env = this.#environment();
    return new Promise((resolve, reject) => {
      // Outside the checkout, whose wrangler.toml names another Worker, and whose .env is not the operator's login.
      const child = spawn("wrangler", args, { cwd: this.#folder, env, stdio: "pipe" });
      let [out, err] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        out += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        err += text;
      });
      child.once("error", (cause) => reject(notStarted(cause)));
      child.once("close", (code) => resolve({ code, out, err }));
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  }
}

const notStarted = (cause: Error): WranglerError =>
  new WranglerError(`wrangler cannot be started: ${cause.message}`, { cause });

/** The beginning of what a program printed, on one line. */
function lastWords(out: string, err: string): string {
  return stripVTControlCharacters(`${err}\n${out}`).replace(/\s+/g, " ").trim().slice(0, 500);
}
