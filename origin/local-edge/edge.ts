/**
 * The local edge: the Worker and its objects in workerd, with real SQLite and R2 simulators on disk. Several
 * edges may share one core's objects, each as a separate isolate, like several machines of a data centre.
 */
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import {
  convertV4MiniflareOptions,
  type Json,
  Miniflare,
  type V4DurableObject,
  type V4SharedOptions,
  type V4SourceOptions,
  type V4WorkerOptionsShape,
} from "miniflare";
import { parseConfig } from "../../core/api/config.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { systemPlatform } from "../../core/kit/system-platform.ts";
import { issuesTokens, LOOPBACK, localUrl } from "../kit/listen-address.ts";
import { buildPages } from "./build-pages.ts";
import { type DataFolder, DataFolderError, describeFolderError, openDataFolder } from "./data-folder.ts";
import { EdgeLog } from "./edge-log.ts";
import { type PageFiles, type PageFolder, writePageFolder } from "./page-folders.ts";
import { readWranglerConfig, type WranglerConfig } from "./wrangler-config.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const ASSETS_WORKER = "export default { fetch: (request, env) => env.ASSETS.fetch(request) };";

/** Options of an edge. */
export interface LocalEdgeOptions {
  readonly port: number;
  /** Folder of the objects' storage and R2: used by one edge at a time. */
  readonly dataDir: string;
  /** The admin token; by default the folder's secret `admin`. */
  readonly adminToken?: string;
  /** Address to listen on; by default localhost only. */
  readonly host?: string;
  /** Further isolates, each at its own port; they share the objects. */
  readonly isolatePorts?: readonly (number | { readonly port: number; readonly site: string })[];
  /** Port of the inspector, for profiles. */
  readonly inspectorPort?: number;
  /** The Worker's entry, for tests that wrap it; by default the deployed one. */
  readonly entry?: string;
  /** Additional bindings: plain values, and further Workers by name. */
  readonly bindings?: Readonly<Record<string, Json>>;
  readonly services?: Readonly<Record<string, { readonly script: string; readonly port: number }>>;
}

/** A running edge. */
export interface LocalEdge {
  /** For this machine: loopback if the edge listens there. */
  readonly url: string;
  /** A secret of the edge's folder, by name: the same in each run. */
  secret(name: string): string;
  stop(): Promise<void>;
}

/** The port is in use or not permitted; `message` is a sentence for users. */
export class PortError extends Error {
  override readonly name = "PortError";
}

/** Declared options only: miniflare's types accept any name, so a misspelt one would have no effect. */
type DeclaredKeys<T> = { [Name in keyof T as string extends Name ? never : Name]: T[Name] };
type WorkerOptions = V4SourceOptions & DeclaredKeys<V4WorkerOptionsShape>;
type MiniflareOptions = DeclaredKeys<V4SharedOptions> & { readonly workers: WorkerOptions[] };

/**
 * Starts the edge. Throws `PortError`, `DataFolderError` and, for an invalid variable, `ConfigError`. Load tests,
 * benchmarks and tests start edges too, and are entry points with the system's clock.
 */
export async function startEdge(options: LocalEdgeOptions, clock: Clock = systemPlatform.clock): Promise<LocalEdge> {
  const config = readWranglerConfig();
  const { port, host = LOOPBACK, isolatePorts = [] } = options;
  const ports = isolatePorts.map((isolate) => (typeof isolate === "number" ? isolate : isolate.port));
  for (const wanted of [port, ...ports]) await assertPortFree(host, wanted);
  const folder = await openDataFolder(options.dataDir);
  try {
    const [script, built] = await Promise.all([
      bundleWorker(options.entry ?? `${ROOT}workers/index.ts`, config),
      buildPages(),
    ]);
    const variables = edgeVariables(options, folder, config);
    parseConfig(variables);
    // The edge reads its pages while it runs, so no other process may write them.
    const pages = await writeEdgePages(folder, built);
    const settings = miniflareOptions(options, { clock, folder, script, pages, config, variables });
    const miniflare = new Miniflare(convertV4MiniflareOptions(settings));
    const stop = (): Promise<void> =>
      miniflare
        .dispose()
        .finally(() => pages.remove())
        .finally(() => folder.close());
    await miniflare.ready.catch(async (error: unknown) => {
      await stop().catch(() => undefined);
      throw error;
    });
    return { url: localUrl(host, port), secret: folder.secret, stop };
  } catch (error) {
    folder.close();
    throw error;
  }
}

async function writeEdgePages({ path }: DataFolder, built: PageFiles): Promise<PageFolder> {
  try {
    return await writePageFolder(path, built);
  } catch (error) {
    throw new DataFolderError(describeFolderError(path, error), { cause: error });
  }
}

/** Variables and secrets: from `wrangler.toml`, the folder, and the options. */
function edgeVariables(
  { host = LOOPBACK, adminToken, bindings = {} }: LocalEdgeOptions,
  folder: DataFolder,
  { vars }: WranglerConfig,
): Readonly<Record<string, Json>> {
  return {
    ...vars,
    CORRAL_ADMIN_TOKEN: adminToken ?? folder.secret("admin"),
    // Links and tokens of an earlier run stay valid.
    CORRAL_VIEWER_SECRET: folder.secret("viewer"),
    // Every client of such an edge may take any identity in its rooms. Other machines can name any `Host`, so only the
    // address that the edge listens on keeps them out.
    CORRAL_DEV_TOKENS: issuesTokens(host) ? "1" : "",
    ...bindings,
  };
}

/** The inputs of an edge. */
interface EdgeParts {
  readonly clock: Clock;
  readonly folder: DataFolder;
  readonly script: string;
  readonly pages: PageFolder;
  readonly config: WranglerConfig;
  readonly variables: Readonly<Record<string, Json>>;
}

/** The Workers and their storage. */
function miniflareOptions(
  options: LocalEdgeOptions,
  { clock, folder, script, pages, config, variables }: EdgeParts,
): MiniflareOptions {
  const { port, host = LOOPBACK, isolatePorts = [], services = {} } = options;
  const { compatibilityDate } = config;
  const worker = (name: string, at: number, site: string, objects: Record<string, V4DurableObject>): WorkerOptions => ({
    name,
    modules: [{ type: "ESModule", path: "index.js", contents: script }],
    compatibilityDate,
    compatibilityFlags: [...config.compatibilityFlags],
    bindings: { CORRAL_SITE: site, ...variables },
    durableObjects: objects,
    r2Buckets: { ...config.r2Buckets },
    ratelimits: { ...config.rateLimits },
    // A separate Worker: if the gateway itself had assets, its socket would pass through their router.
    serviceBindings: {
      [config.assetsBinding]: "assets",
      ...Object.fromEntries(Object.keys(services).map((key) => [key, key])),
    },
    unsafeDirectSockets: [{ host, port: at }],
  });
  const isolates = isolatePorts.map((isolate) => (typeof isolate === "number" ? { port: isolate, site: "" } : isolate));
  const log = new EdgeLog(folder.path, () => clock.monotonicMs());
  const own = objectBindings(config, {});
  const shared = objectBindings(config, { scriptName: "corral" });
  return {
    resourcePersistencePath: folder.path,
    cf: false,
    log,
    handleStructuredLogs: ({ level, message }) => log.logWorkerLine(level, message),
    ...(options.inspectorPort === undefined ? {} : { inspectorPort: options.inspectorPort }),
    workers: [
      worker("corral", port, "", own),
      ...isolates.map(({ port: at, site }, index) => worker(`corral-${index + 1}`, at, site, shared)),
      ...Object.entries(services).map(([service, { script: contents, port: at }]) => ({
        name: service,
        modules: [{ type: "ESModule" as const, path: "index.js", contents }],
        compatibilityDate,
        unsafeDirectSockets: [{ host, port: at }],
      })),
      {
        name: "assets",
        modules: [{ type: "ESModule", path: "index.js", contents: ASSETS_WORKER }],
        compatibilityDate,
        assets: {
          directory: pages.directory,
          binding: "ASSETS",
          routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
        },
      },
    ],
  };
}

/** The objects' bindings; `script` names the Worker that exports them, if it is another one. */
function objectBindings(
  { objectClasses }: WranglerConfig,
  script: { readonly scriptName?: string },
): Record<string, V4DurableObject> {
  const bindings = Object.entries(objectClasses).map(([name, className]) => [
    name,
    { className, useSQLite: true, ...script },
  ]);
  return Object.fromEntries(bindings);
}

async function bundleWorker(entry: string, { objectClasses }: WranglerConfig): Promise<string> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
  });
  const [file] = result.outputFiles;
  if (file === undefined) throw new Error("the Worker's bundle is empty");
  // workerd only warns of a missing class, and fails when it is called.
  const exported = Object.values(result.metafile.outputs).flatMap(({ exports }) => exports);
  const missing = Object.values(objectClasses).filter((name) => !exported.includes(name));
  if (missing.length > 0) throw new Error(`${entry} doesn't export ${missing.join(", ")}`);
  return file.text;
}

async function assertPortFree(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EADDRINUSE" ? "is in use" : `cannot be used (${cause.code ?? cause.message})`;
      reject(new PortError(`Port ${port} on ${host} ${why}; choose another with --port.`, { cause }));
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}
