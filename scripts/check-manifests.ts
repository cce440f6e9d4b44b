/**
 * `npm run check:deploy`: each manifest of `deploy/` by its own tool: `systemd-analyze verify`, `kubeconform`, and
 * `wrangler deploy --dry-run`. kubeconform and the schemas of Kubernetes are installed into `.corral/` from the Go module
 * proxy and PyPI. A tool that is missing fails with `CI=true`, and is told otherwise.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const KUBECONFORM = { module: "github.com/yannh/kubeconform/cmd/kubeconform", version: "v0.8.0" } as const;
/** A PyPI package that has the schemas, for kubeconform's own come from an address that a build machine may not reach. */
const SCHEMAS = { package: "kubernetes-validate", version: "1.37.0", kubernetes: "1.37.0" } as const;

const root = fileURLToPath(new URL("..", import.meta.url));
const tools = join(root, ".corral", "manifest-tools");

/** What a step needs on the PATH, and what it does; it returns a complaint or null. */
interface ManifestStep {
  readonly name: string;
  readonly programs: readonly string[];
  readonly run: () => string | null;
}

const STEPS: readonly ManifestStep[] = [
  { name: "systemd-analyze verify", programs: ["systemd-analyze"], run: verifyUnits },
  { name: "kubeconform", programs: ["go", "python3"], run: validateKubernetes },
  { name: "wrangler deploy --dry-run", programs: ["wrangler"], run: dryRunContainer },
];

let failures = 0;
for (const { name, programs, run } of STEPS) {
  const started = performance.now();
  const missing = programs.filter((program) => spawnSync("which", [program]).status !== 0);
  const isSkipped = missing.length > 0 && process.env["CI"] !== "true";
  const complaint = missing.length > 0 ? `not here: ${missing.join(", ")}` : run();
  if (complaint !== null && !isSkipped) failures += 1;
  const verdict = complaint === null ? "ok    " : isSkipped ? "skip  " : "FAILED";
  console.log(`${verdict} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  if (complaint !== null) console.error(complaint);
}
process.exitCode = failures === 0 ? 0 : 1;

function verifyUnits(): string | null {
  const folder = join(root, "deploy", "systemd");
  const units = readdirSync(folder).filter((name) => name.endsWith(".service"));
  const { status, output } = runTool("systemd-analyze", ["verify", ...units.map((unit) => join(folder, unit))]);
  // Warnings, such as of an unknown setting, leave the exit code at 0.
  return status === 0 && output === "" ? null : output;
}

function validateKubernetes(): string | null {
  const binary = join(tools, "bin", "kubeconform");
  const schemas = join(tools, `schemas-${SCHEMAS.version}`);
  const installed = installKubeconform(binary) ?? installSchemas(schemas);
  if (installed !== null) return installed;
  const location = join(schemas, "{{.ResourceKind}}{{.KindSuffix}}.json");
  const options = ["-strict", "-summary", "-kubernetes-version", SCHEMAS.kubernetes, "-schema-location", location];
  const { status, output } = runTool(binary, [...options, join(root, "deploy", "kubernetes")]);
  return status === 0 ? null : output;
}

function installKubeconform(binary: string): string | null {
  if (existsSync(binary)) return null;
  const { module, version } = KUBECONFORM;
  const { status, output } = runTool("go", ["install", `${module}@${version}`], { GOBIN: join(tools, "bin") });
  return status === 0 ? null : output;
}

/** The schemas of one version. */
function installSchemas(folder: string): string | null {
  if (existsSync(folder)) return null;
  const download = mkdtempSync(join(tmpdir(), "corral-schemas-"));
  try {
    const wanted = `${SCHEMAS.package}==${SCHEMAS.version}`;
    const pip = runTool("python3", ["-m", "pip", "download", "-q", "--no-deps", "-d", download, wanted]);
    const wheel = readdirSync(download).find((name) => name.endsWith(".whl"));
    if (pip.status !== 0 || wheel === undefined) return pip.output;
    const prefix = `kubernetes_validate/kubernetes-json-schema/v${SCHEMAS.kubernetes}-local-strict/`;
    const extract =
      "import sys,zipfile;z=zipfile.ZipFile(sys.argv[1]);z.extractall(sys.argv[2],[n for n in z.namelist() if n.startswith(sys.argv[3])])";
    const unzipped = runTool("python3", ["-c", extract, join(download, wheel), download, prefix]);
    if (unzipped.status !== 0) return unzipped.output;
    const source = join(download, prefix);
    for (const name of readdirSync(source))
      writeFileSync(join(source, name), makeLocal(readFileSync(join(source, name), "utf8")));
    mkdirSync(tools, { recursive: true });
    moveFolder(source, folder);
    return null;
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
}

/** A schema that refers to the file of definitions beside it, instead of an address that its id is relative to. */
function makeLocal(text: string): string {
  const { $id: _, ...schema } = JSON.parse(text.replaceAll('"/api/_definitions.json', '"_definitions.json')) as {
    readonly $id?: string;
  };
  return JSON.stringify(schema);
}

/** Moves a folder, also to another file system, so that it is there whole or not at all. */
function moveFolder(from: string, to: string): void {
  const near = `${to}.${process.pid}`;
  const { status, output } = runTool("cp", ["-r", from, near]);
  if (status !== 0) throw new Error(output);
  renameSync(near, to);
}

/** The image is not built: that needs a Docker daemon. */
function dryRunContainer(): string | null {
  const config = join(root, "deploy", "cloudflare", "wrangler.toml");
  const args = ["deploy", "--dry-run", "--containers-rollout=none", "--config", config];
  const logs = join(tools, "logs");
  const { status, output } = runTool("wrangler", args, { WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_PATH: logs });
  return status === 0 ? null : output;
}

function runTool(
  command: string,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): { readonly status: number | null; readonly output: string } {
  const env = { ...process.env, ...more };
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: "utf8", env });
  return { status, output: error?.message ?? `${stdout}${stderr}`.trim() };
}
