/**
 * The edge on this machine: the Worker and its objects in workerd, with real SQLite and R2 simulators on disk. Several
 * edges may share one core's objects, each an isolate of its own, as several machines of a data centre would.
 */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { buildPages } from "./build-web.ts";
import { writeOwnPages } from "./pages.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const ASSETS_WORKER = "export default { fetch: (request, env) => env.ASSETS.fetch(request) };";

/** How to start an edge. */
export interface EdgeOptions {
  readonly port: number;
  /** Where objects and R2 are kept. */
  readonly dataDir: string;
  /** Opens the control API. */
  readonly adminToken: string;
  /** Address to listen on; by default this machine only. */
  readonly host?: string;
  /** Further isolates, each at a port of its own; they share the objects. */
  readonly isolatePorts?: readonly (number | { readonly port: number; readonly site: string })[];
  /** Port of the inspector, for profiles. */
  readonly inspectorPort?: number;
  /** The Worker's entry, for those who wrap it; by default the one that is deployed. */
  readonly entry?: string;
  /** Bindings beside the Worker's own: plain values, and further Workers by name. */
  readonly bindings?: Readonly<Record<string, unknown>>;
  readonly services?: Readonly<Record<string, { readonly script: string; readonly port: number }>>;
}

/** A running edge. */
export interface Edge {
  readonly url: string;
  stop(): Promise<void>;
}

/** The port is taken, or may not be used; `message` is a sentence for people. */
export class PortError extends Error {
  override readonly name = "PortError";
}

/** Starts the edge. Throws `PortError`. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { port, dataDir, adminToken, host = "127.0.0.1", isolatePorts = [] } = options;
  const isolates = isolatePorts.map((isolate) => (typeof isolate === "number" ? { port: isolate, site: "" } : isolate));
  for (const wanted of [port, ...isolates.map((isolate) => isolate.port)]) await assertFree(host, wanted);
  await mkdir(dataDir, { recursive: true });
  const { entry = `${ROOT}workers/index.ts`, bindings = {}, services = {} } = options;
  const [script, built] = await Promise.all([bundle(entry), buildPages()]);
  // Read for as long as the edge runs: by nobody else, and changed by nobody.
  const pages = await writeOwnPages(dataDir, built);
  // Tokens of a local run are good for that run.
  const viewerSecret = randomBytes(32).toString("base64url");
  const worker = (name: string, at: number, site: string, objects: object): object => ({
    name,
    modules: [{ type: "ESModule", path: "index.js", contents: script }],
    compatibilityDate: "2026-11-02",
    compatibilityFlags: ["nodejs_compat", "no_web_socket_compression"],
    bindings: {
      CORRAL_ADMIN_TOKEN: adminToken,
      CORRAL_SITE: site,
      CORRAL_VIEWER_SECRET: viewerSecret,
      // Whoever reaches such an edge may be anybody in its rooms.
      CORRAL_DEV_TOKENS: host === "127.0.0.1" ? "1" : "",
      ...bindings,
    },
    durableObjects: objects,
    r2Buckets: { MEDIA: "corral-media" },
    // A Worker of its own: where the gateway had assets itself, its socket would go through their router.
    serviceBindings: { ASSETS: "assets", ...Object.fromEntries(Object.keys(services).map((key) => [key, key])) },
    unsafeDirectSockets: [{ host, port: at }],
  });
  const own = objectsOf({});
  const shared = objectsOf({ scriptName: "corral" });
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      defaultPersistRoot: dataDir,
      cf: false,
      log: new Log(LogLevel.WARN),
      ...(options.inspectorPort === undefined ? {} : { inspectorPort: options.inspectorPort }),
      workers: [
        worker("corral", port, "", own),
        ...isolates.map(({ port: at, site }, index) => worker(`corral-${index + 1}`, at, site, shared)),
        ...Object.entries(services).map(([service, { script: contents, port: at }]) => ({
          name: service,
          modules: [{ type: "ESModule", path: "index.js", contents }],
          compatibilityDate: "2026-11-02",
          unsafeDirectSockets: [{ host, port: at }],
        })),
        {
          name: "assets",
          modules: [{ type: "ESModule", path: "index.js", contents: ASSETS_WORKER }],
          compatibilityDate: "2026-11-02",
          assets: {
            directory: pages.directory,
            binding: "ASSETS",
            routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
          },
        },
      ],
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  const stop = (): Promise<void> => miniflare.dispose().finally(() => pages.remove());
  try {
    await miniflare.ready;
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
  return { url: `http://${host}:${port}`, stop };
}

/** Bindings of objects, and their classes. */
const OBJECTS = {
  LIVE: "Live",
  SHIELD: "Shield",
  ROOM: "Room",
  ROOM_RELAY: "RoomRelay",
  ROOM_SHARD: "RoomShard",
  KEYRING: "Keyring",
} as const;

/** The objects' bindings; `script` names the Worker that has them, where that is another one. */
function objectsOf(script: { readonly scriptName?: string }): object {
  const bindings = Object.entries(OBJECTS).map(([name, className]) => [
    name,
    { className, useSQLite: true, ...script },
  ]);
  return Object.fromEntries(bindings);
}

async function bundle(entry: string): Promise<string> {
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
  // workerd only warns of a class that isn't there, and fails when it is called.
  const exported = Object.values(result.metafile.outputs).flatMap(({ exports }) => exports);
  const missing = Object.values(OBJECTS).filter((name) => !exported.includes(name));
  if (missing.length > 0) throw new Error(`${entry} doesn't export ${missing.join(", ")}`);
  return file.text;
}

async function assertFree(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "EADDRINUSE" ? "is taken" : `can't be used (${cause.code ?? cause.message})`;
      reject(new PortError(`Port ${port} on ${host} ${why}; choose another with --port.`, { cause }));
    });
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}
