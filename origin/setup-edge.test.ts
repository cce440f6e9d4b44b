import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { jwtVerify } from "jose";
import { parse } from "smol-toml";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const MAIN = join(import.meta.dirname, "setup-edge.ts");
const BIN = join(ROOT, "node_modules", ".bin");

/** Answers as wrangler does, from `state.json`, and writes down each call with its standard input. */
const FAKE_WRANGLER = `#!${process.execPath}
const fs = require("node:fs");
const path = require("node:path");
const file = path.join(__dirname, "state.json");
const state = JSON.parse(fs.readFileSync(file, "utf8"));
const args = process.argv.slice(2);
const input = fs.readFileSync(0, "utf8");
const end = (code, text) => { fs.writeFileSync(file, JSON.stringify(state)); console.log(text); process.exit(code); };
const config = args.indexOf("--config");
state.calls.push({ args, input, account: process.env.CLOUDFLARE_ACCOUNT_ID ?? null, cwd: process.cwd(),
  config: config < 0 ? null : fs.readFileSync(args[config + 1], "utf8") });
const name = args[args.indexOf("--name") + 1];
switch (args.slice(0, 2).join(" ")) {
  case "whoami --json":
    end(state.accounts === null ? 1 : 0, JSON.stringify({ loggedIn: state.accounts !== null, accounts: state.accounts ?? [] }));
  case "r2 bucket":
    if (args[2] === "list") end(0, "Listing buckets...\\n" + state.buckets.slice(0, 20).map((b) => "name:           " + b + "\\ncreation_date:  2026").join("\\n\\n"));
    if (state.failure !== null) end(1, "\\u001b[31m" + state.failure + "\\u001b[39m");
    if (state.buckets.includes(args[3])) end(1, "The bucket you tried to create already exists, and you own it. [code: 10004]");
    state.buckets.push(args[3]);
    end(0, "Created");
  case "secret list":
    if (state.secrets === null) end(1, 'Worker "' + name + '" not found.');
    end(0, JSON.stringify(state.secrets.map((secret) => ({ name: secret, type: "secret_text" }))));
  case "secret put":
    if (state.hangsAt === args[2]) {
      fs.writeFileSync(file, JSON.stringify(state));
      process.kill(process.ppid, "SIGINT");
      end(1, "Interrupted");
    }
    if (!state.secrets.includes(args[2])) state.secrets.push(args[2]);
    end(0, "Success");
  case "deploy --config":
    state.secrets ??= [];
    end(0, "Uploaded corral\\nDeployed corral triggers\\n  https://corral.example.workers.dev\\n");
}
end(9, "unknown: " + args.join(" "));
`;

interface Call {
  readonly args: readonly string[];
  readonly input: string;
  readonly account: string | null;
  readonly cwd: string;
  readonly config: string | null;
}

interface FakeState {
  readonly accounts: readonly { id: string; name: string }[] | null;
  readonly buckets: readonly string[];
  /** Null: the Worker does not exist. */
  readonly secrets: readonly string[] | null;
  readonly failure: string | null;
  /** The secret at whose put the command gets Ctrl-C. */
  readonly hangsAt?: string;
  readonly calls: readonly Call[];
}

const EMPTY: FakeState = {
  accounts: [{ id: "acc1", name: "Ann" }],
  buckets: [],
  secrets: null,
  failure: null,
  calls: [],
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "corral-setup-test-"));
  writeFileSync(join(folder, "wrangler"), FAKE_WRANGLER);
  chmodSync(join(folder, "wrangler"), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const readState = (): FakeState => JSON.parse(readFileSync(join(folder, "state.json"), "utf8")) as FakeState;

/** Runs the command in an account. */
async function run(
  state: FakeState,
  words: readonly string[],
  path = folder,
  variables: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; out: string }> {
  writeFileSync(join(folder, "state.json"), JSON.stringify({ ...state, calls: [] }));
  const { CLOUDFLARE_ACCOUNT_ID: _account, CLOUDFLARE_API_TOKEN: _token, ...env } = process.env;
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: ROOT,
    env: {
      ...env,
      // As `npx` sets it.
      npm_config_yes: "",
      PATH: [path, dirname(process.execPath), env["PATH"]].join(delimiter),
      XDG_CONFIG_HOME: join(folder, "config"),
      ...variables,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (out += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, out };
}

const putsOf = ({ calls }: FakeState): Call[] => calls.filter(({ args }) => args[0] === "secret" && args[1] === "put");
const checkoutStatus = (): string => execFileSync("git", ["status", "--porcelain"], { cwd: ROOT, encoding: "utf8" });

test("one command deploys, and ends with a link that signs in; a second run keeps the secrets; a rotation replaces two", {
  timeout: 120_000,
}, async () => {
  const before = checkoutStatus();
  const first = await run(EMPTY, ["--yes", "--stream", "show"]);
  expect(first.code, first.out).toBe(0);
  const state = readState();
  const kept = join(folder, "config", "corral", "acc1", "corral");
  expect(state.calls.slice(3).map(({ args }) => args.filter((word) => !word.startsWith("/")).join(" "))).toEqual([
    "r2 bucket create corral-media --update-config=false",
    "deploy --config",
    "secret put CORRAL_EDGE_SECRET --name corral",
    "secret put CORRAL_VIEWER_SECRET --name corral",
    "secret put CORRAL_ADMIN_TOKEN --name corral",
  ]);
  expect(new Set(state.calls.slice(1).map(({ account }) => account))).toEqual(new Set(["acc1"]));
  // Secrets are on no command line, not printed, and not in the checkout.
  const secrets = putsOf(state).map(({ input }) => input);
  expect(new Set(secrets).size).toBe(3);
  for (const secret of secrets) {
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(first.out).not.toContain(secret);
    expect(JSON.stringify(state.calls.map(({ args, config }) => ({ args, config })))).not.toContain(secret);
  }
  expect(checkoutStatus()).toBe(before);
  // The operator's are kept for this user alone, outside of it.
  expect(readdirSync(kept).sort()).toEqual(["admin-token", "viewer-secret"]);
  const [, viewer = "", admin = ""] = secrets;
  expect(readFileSync(join(kept, "admin-token"), "utf8").trim()).toBe(admin);
  expect(statSync(join(kept, "viewer-secret")).mode & 0o777).toBe(0o600);
  const token = /^https:\/\/corral\.example\.workers\.dev\/studio\/show#token=(\S+)\n$/m.exec(first.out)?.[1] ?? "";
  const { payload } = await jwtVerify(token, new TextEncoder().encode(viewer), { algorithms: ["HS256"] });
  expect(payload).toMatchObject({ room: "show", roles: ["host"] });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(86_400);

  const second = await run(state, ["--yes", "--stream", "show"]);
  expect(second.code, second.out).toBe(0);
  expect(
    readState()
      .calls.slice(3)
      .map(({ args }) => args[0]),
  ).toEqual(["deploy"]);
  expect(second.out).toMatch(/studio\/show#token=/);

  const rotated = await run(readState(), ["--yes", "--rotate", "--stream", "show"]);
  expect(rotated.code, rotated.out).toBe(0);
  expect(putsOf(readState()).map(({ args }) => args[2])).toEqual(["CORRAL_VIEWER_SECRET", "CORRAL_ADMIN_TOKEN"]);
  expect(readFileSync(join(kept, "admin-token"), "utf8").trim()).toBe(putsOf(readState())[1]?.input);

  // Another account's Worker of the same name has secrets of its own.
  const other = await run(EMPTY, ["--yes"], folder, { CLOUDFLARE_ACCOUNT_ID: "acc2" });
  expect(other.code, other.out).toBe(0);
  expect(readFileSync(join(kept, "viewer-secret"), "utf8")).not.toBe(
    readFileSync(join(folder, "config", "corral", "acc2", "corral", "viewer-secret"), "utf8"),
  );

  const deployed = { ...state, calls: [] };
  rmSync(join(kept, "admin-token"));
  const withoutAdmin = await run(deployed, ["--yes"]);
  expect(withoutAdmin.out).not.toContain(join(kept, "admin-token"));
  expect(withoutAdmin.out).toContain("Its admin token was made before");

  rmSync(kept, { recursive: true });
  const elsewhere = await run(deployed, ["--yes"]);
  expect(elsewhere.out).not.toContain("#token=");
  expect(elsewhere.out).toContain("--rotate makes others");
});

test("a name and a domain are in the deployed configuration alone, and no two deployments share a bucket", {
  timeout: 60_000,
}, async () => {
  const { code, out } = await run(EMPTY, ["--yes", "--name", "show", "--domain", "Live.Example.com"]);
  expect(code, out).toBe(0);
  expect(out).toMatch(/^https:\/\/live\.example\.com\/studio\/live#token=/m);
  const { config, cwd } = readState().calls.find(({ args }) => args[0] === "deploy") ?? { config: null, cwd: ROOT };
  expect(parse(config ?? "")).toMatchObject({
    name: "show",
    routes: [{ pattern: "live.example.com", custom_domain: true }],
    workers_dev: false,
    preview_urls: false,
    r2_buckets: [{ binding: "MEDIA", bucket_name: "show-media" }],
    main: join(ROOT, "workers/index.ts"),
  });
  expect(cwd.startsWith(ROOT)).toBe(false);
});

test("Ctrl-C at a secret loses none and leaves no temporary folder: the next run puts the same one again", {
  timeout: 60_000,
}, async () => {
  const temporary = mkdtempSync(join(tmpdir(), "corral-setup-tmp-"));
  const variables = { TMPDIR: temporary, XDG_CONFIG_HOME: join(temporary, "config") };
  const kept = join(temporary, "config", "corral", "acc1", "corral");
  try {
    const cut = await run({ ...EMPTY, hangsAt: "CORRAL_VIEWER_SECRET" }, ["--yes"], folder, variables);
    expect(cut.code, cut.out).toBe(130);
    expect(readdirSync(temporary)).toEqual(["config"]);
    expect(readdirSync(kept).sort()).toEqual(["admin-token.new", "viewer-secret.new"]);
    const [, viewer] = putsOf(readState()).map(({ input }) => input);
    // The edge may have it or not.
    const { hangsAt: _at, ...state } = readState();
    const secrets = ["CORRAL_EDGE_SECRET", "CORRAL_VIEWER_SECRET"];
    const next = await run({ ...state, secrets }, ["--yes"], folder, variables);
    expect(next.code, next.out).toBe(0);
    const puts = putsOf(readState());
    expect(puts.map(({ args }) => args[2])).toEqual(["CORRAL_VIEWER_SECRET", "CORRAL_ADMIN_TOKEN"]);
    expect(puts[0]?.input).toBe(viewer);
    expect(readdirSync(kept).sort()).toEqual(["admin-token", "viewer-secret"]);
    expect(readFileSync(join(kept, "viewer-secret"), "utf8").trim()).toBe(viewer);
    const after = await run(readState(), ["--yes"], folder, variables);
    expect(after.code, after.out).toBe(0);
    expect(putsOf(readState())).toEqual([]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});

test("where secrets cannot be kept, nothing is changed", { timeout: 60_000 }, async () => {
  const file = join(folder, "no-folder");
  writeFileSync(file, "");
  const { code, out } = await run(EMPTY, ["--yes"], folder, { XDG_CONFIG_HOME: file });
  expect(code, out).toBe(2);
  expect(out).toMatch(/Secrets cannot be kept in/);
  expect(readState()).toMatchObject({ buckets: [], secrets: null });
});

test("an edge made by hand is updated without another secret, and its secrets are not rotated", {
  timeout: 60_000,
}, async () => {
  const byHand = { ...EMPTY, buckets: ["corral-media"], secrets: ["CORRAL_ADMIN_TOKEN"] };
  const update = await run(byHand, ["--yes"]);
  expect(update.code, update.out).toBe(0);
  expect(update.out).toContain("corral has no CORRAL_EDGE_SECRET");
  expect(update.out).not.toContain("--rotate makes others");
  expect(putsOf(readState())).toEqual([]);
  const rotation = await run(byHand, ["--yes", "--rotate"]);
  expect(rotation.code).toBe(2);
  expect(rotation.out).toContain("give it the value of CORRAL_ADMIN_TOKEN first");
  expect(readState().calls.some(({ args }) => args[0] === "deploy")).toBe(false);
});

test("a bucket beyond the 20 that wrangler lists is no obstacle to an update", { timeout: 60_000 }, async () => {
  const others = Array.from({ length: 20 }, (_, index) => `a-bucket-${index}`);
  const secrets = ["CORRAL_EDGE_SECRET", "CORRAL_VIEWER_SECRET", "CORRAL_ADMIN_TOKEN"];
  const { code, out } = await run({ ...EMPTY, buckets: [...others, "corral-media"], secrets }, ["--yes"]);
  expect(code, out).toBe(0);
  expect(readState().calls.some(({ args }) => args[0] === "deploy")).toBe(true);
  expect(readState().buckets).toHaveLength(21);
});

test("a refusal of Cloudflare is one sentence with its words, and nothing is deployed", {
  timeout: 60_000,
}, async () => {
  const { code, out } = await run({ ...EMPTY, failure: "Please enable R2 [code: 10042]" }, ["--yes"]);
  expect(code).toBe(1);
  expect(out).toMatch(/\nwrangler r2 bucket create corral-media .* failed: Please enable R2 \[code: 10042\]\n$/);
  expect(readState().calls.some(({ args }) => args[0] === "deploy")).toBe(false);
});

test.each([
  ["no login", { ...EMPTY, accounts: null }, ["--yes"], /run npx wrangler login/],
  [
    "two accounts",
    {
      ...EMPTY,
      accounts: [
        { id: "a", name: "A" },
        { id: "b", name: "B" },
      ],
    },
    ["--yes"],
    /set CLOUDFLARE_ACCOUNT_ID[\s\S]*B \(b\)/,
  ],
  ["no terminal", EMPTY, [], /add --yes/],
  ["an invalid name", EMPTY, ["--yes", "--name", "My Edge"], /not a Worker's name/],
  ["an invalid domain", EMPTY, ["--yes", "--domain", "https://a.example"], /not a domain name/],
] as const)(
  "%s is refused with one sentence and exit code 2, before anything is changed",
  async (_, state, words, sentence) => {
    const { code, out } = await run(state, words);
    expect(code).toBe(2);
    expect(out).toMatch(sentence);
    expect(readState().calls.every(({ args }) => args[0] === "whoami")).toBe(true);
  },
);

test("npm's own dry run is not mistaken for one: it would deploy", async () => {
  const { code, out } = await run(EMPTY, ["--yes"], folder, { npm_config_dry_run: "true" });
  expect(code).toBe(2);
  expect(out).toContain("npm consumed --dry-run; put Corral's options after --");
  expect(readState().calls).toEqual([]);
});

test("a dry run without a login prints the steps, and wrangler itself bundles the Worker", {
  timeout: 120_000,
}, async () => {
  const before = checkoutStatus();
  const home = mkdtempSync(join(tmpdir(), "corral-setup-home-"));
  try {
    writeFileSync(join(home, "wrangler"), `#!/bin/sh\nHOME=${home} exec ${join(BIN, "wrangler")} "$@"\n`, {
      mode: 0o755,
    });
    const { code, out } = await run(EMPTY, ["--dry-run", "--domain", "live.example.com"], home);
    expect(code, out).toBe(0);
    expect(out).toContain("  2. Deploy the Worker corral to live.example.com.");
    expect(out).toContain("wrangler deploy --dry-run: the Worker and its pages bundle. Nothing was changed.");
    expect(checkoutStatus()).toBe(before);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
