/**
 * The product's code as processes run it. Each part is bundled once from the sources; each process evaluates the bundle
 * for itself, so it has module state of its own, with the simulation's time, chance and platform in place of Node's.
 * Modules without state are evaluated once (`shared-modules.ts`).
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { compileFunction } from "node:vm";
import { type BuildOptions, build } from "esbuild";
import { composeSignals } from "./composed-signal.ts";
import { SimulatedHeaders, SimulatedRequest, SimulatedResponse } from "./fetch-types.ts";
import { type LoweredLimits, loweredLimitsPlugin } from "./lowered-limits.ts";
import type { SimulatedProcess } from "./process.ts";
import {
  collectSharedModules,
  PURE_NODE_MODULE,
  SHARED_MODULES_NAME,
  type SharedModules,
  sharedModulesPlugin,
} from "./shared-modules.ts";
import { createCrypto, createPureCrypto, createQuickHash } from "./web-crypto.ts";
import { SimulatedRequestResponsePair, SimulatedWebSocketPair } from "./web-sockets.ts";

/** A part of the product: the modules that one kind of process loads. */
export interface ProductPart {
  readonly name: string;
  /** TypeScript that exports what the simulation needs, with paths from the project's folder. */
  readonly entry: string;
}

/** What a part gets that is neither the language's nor Node's pure modules. */
export interface ProcessPlatform {
  /** `caches`, in the Worker. */
  readonly caches?: unknown;
  /** Modules by name. */
  readonly modules?: Readonly<Record<string, unknown>>;
}

/** A script as it was bundled, with its source map as JSON. */
export interface BundledScript {
  readonly name: string;
  readonly code: string;
  readonly map: string;
}

/** What the names of all scripts begin with. */
export const SCRIPT_PREFIX = "simulated-";

type Factory = (...globals: readonly unknown[]) => void;

/** Names that a bundle gets as parameters, in the order of `globalsOf`. */
const GLOBALS = [
  "module",
  "exports",
  "require",
  "Request",
  "Response",
  "Headers",
  "WebSocketPair",
  "WebSocketRequestResponsePair",
  "caches",
  "crypto",
  "console",
  "setTimeout",
  "clearTimeout",
  "Date",
  "simulatedRandom",
  "simulatedMonotonicMs",
  "composeSignals",
  SHARED_MODULES_NAME,
] as const;

const nodeRequire = createRequire(import.meta.url);
const QUICK_CRYPTO = { ...(nodeRequire("node:crypto") as object), createHash: createQuickHash };

/** How sources are bundled. */
export interface LoadOptions {
  /** Gets each script before it is compiled. */
  readonly onScript?: (script: BundledScript) => void;
  /** Limits with other numbers than the sources have. */
  readonly limits?: LoweredLimits;
}

/** Where and how a script is bundled. */
interface Bundling {
  readonly root: string;
  readonly prefix: string;
  readonly options: BuildOptions;
  readonly onScript: (script: BundledScript) => void;
}

/** The bundles of one copy of the sources. */
export class ProductCode {
  readonly #factories: ReadonlyMap<string, Factory>;
  readonly #shared: SharedModules;
  /** The same sources with small limits; this code itself where there are none. */
  readonly withSmallLimits: ProductCode;

  private constructor(
    factories: ReadonlyMap<string, Factory>,
    shared: SharedModules,
    withSmallLimits: ProductCode | null,
  ) {
    this.#factories = factories;
    this.#shared = shared;
    this.withSmallLimits = withSmallLimits ?? this;
  }

  /** Bundles parts of the sources below `root`; with limits, a second time. */
  static async load(
    root: string,
    parts: readonly ProductPart[],
    { onScript = () => {}, limits }: LoadOptions = {},
  ): Promise<ProductCode> {
    const options = buildOptions(root);
    const entries = parts.map(({ entry }) => entry);
    const sharedEntry = await collectSharedModules(root, options, entries);
    const loadOnce = async (bundling: Bundling, withSmallLimits: ProductCode | null): Promise<ProductCode> => {
      const shared = await evaluateShared(bundling, sharedEntry);
      const plugins = [sharedModulesPlugin(root, shared), ...(bundling.options.plugins ?? [])];
      const partBundling = { ...bundling, options: { ...bundling.options, plugins } };
      const factories = parts.map(async (part) => [part.name, await bundle(partBundling, part)] as const);
      return new ProductCode(new Map(await Promise.all(factories)), shared, withSmallLimits);
    };
    const bundling = { root, prefix: SCRIPT_PREFIX, options, onScript };
    if (limits === undefined) return loadOnce(bundling, null);
    const lowered = { ...options, plugins: [loweredLimitsPlugin(root, limits)] };
    const small = await loadOnce({ ...bundling, prefix: `${SCRIPT_PREFIX}small-`, options: lowered }, null);
    return loadOnce(bundling, small);
  }

  /** The exports of a part, evaluated for a process. */
  evaluate<Exports>(part: string, owner: SimulatedProcess, platform: ProcessPlatform = {}): Exports {
    const factory = this.#factories.get(part);
    if (factory === undefined) throw new Error(`no part ${part} is loaded`);
    const module = { exports: {} };
    factory(...globalsOf(module, owner, platform), this.#shared);
    return module.exports as Exports;
  }
}

async function bundle({ root, prefix, options, onScript }: Bundling, part: ProductPart): Promise<Factory> {
  const name = `${prefix}${part.name}.js`;
  const stdin = { contents: part.entry, resolveDir: root, loader: "ts" } as const;
  const written = { write: false, sourcemap: "external", outfile: join(root, name) } as const;
  const { outputFiles } = await build({ ...options, ...written, stdin });
  const textOf = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
  const code = textOf(".js");
  onScript({ name, code, map: textOf(".map") });
  return compileFunction(code, [...GLOBALS], { filename: name }) as Factory;
}

function buildOptions(root: string): BuildOptions {
  return {
    absWorkingDir: root,
    bundle: true,
    format: "cjs",
    platform: "node",
    target: "node22",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*", "undici"],
    define: {
      "Math.random": "simulatedRandom",
      "performance.now": "simulatedMonotonicMs",
      "AbortSignal.any": "composeSignals",
    },
    logLevel: "error",
  };
}

/** Evaluates the modules that all processes share: what belongs to a process is refused. */
async function evaluateShared(bundling: Bundling, entry: string): Promise<SharedModules> {
  const factory = await bundle(bundling, { name: "shared", entry });
  const refuse = (what: string) => (): never => {
    throw new Error(`a module that all processes share uses ${what}`);
  };
  class TimelessDate extends Date {
    constructor(...args: readonly [] | readonly [number | string | Date]) {
      if (args.length === 0) refuse("the time")();
      super(args[0] ?? Number.NaN);
    }

    static override readonly now = refuse("the time");
  }
  const module: { readonly exports: { readonly modules?: SharedModules } } = { exports: {} };
  factory(
    module,
    module.exports,
    requirePure("a shared module", {}),
    SimulatedRequest,
    SimulatedResponse,
    SimulatedHeaders,
    SimulatedWebSocketPair,
    SimulatedRequestResponsePair,
    undefined,
    createPureCrypto(refuse("chance")),
    undefined,
    refuse("timers"),
    refuse("timers"),
    TimelessDate,
    refuse("chance"),
    refuse("the time"),
    composeSignals,
    {},
  );
  return module.exports.modules ?? {};
}

const requirePure =
  (who: string, given: Readonly<Record<string, unknown>>) =>
  (id: string): unknown => {
    if (given[id] !== undefined) return given[id];
    if (id === "node:crypto") return QUICK_CRYPTO;
    if (!PURE_NODE_MODULE.test(id)) throw new Error(`${who} may not load ${id} in the simulation`);
    return nodeRequire(id);
  };

function globalsOf(module: { exports: object }, owner: SimulatedProcess, platform: ProcessPlatform): unknown[] {
  const { simulation } = owner;
  return [
    module,
    module.exports,
    requirePure(owner.name, platform.modules ?? {}),
    SimulatedRequest,
    SimulatedResponse,
    SimulatedHeaders,
    SimulatedWebSocketPair,
    SimulatedRequestResponsePair,
    platform.caches,
    createCrypto(owner.random.fork("crypto")),
    createConsole(owner),
    (callback: () => void, delayMs = 0) => owner.startTimer(delayMs, callback),
    (cancel: unknown) => {
      if (typeof cancel === "function") cancel();
    },
    createDate(owner),
    owner.random.fork("Math.random").fraction,
    () => simulation.nowMs,
    composeSignals,
  ];
}

/** What a process prints goes to the timeline. */
function createConsole(owner: SimulatedProcess): Pick<Console, "log" | "info" | "warn" | "error" | "debug"> {
  const print = (level: string) => (first: unknown, second?: unknown) => {
    const more = second === undefined ? "" : `: ${second instanceof Error ? second.message : String(second)}`;
    owner.log(`${level} ${String(first)}${more}`);
  };
  return { log: print("log"), info: print("info"), warn: print("warn"), error: print("error"), debug: print("debug") };
}

function createDate(owner: SimulatedProcess): DateConstructor {
  class ProcessDate extends Date {
    constructor(...args: readonly [] | readonly [number | string | Date]) {
      super(args.length === 0 ? owner.nowMs() : args[0]);
    }

    static override now(): number {
      return owner.nowMs();
    }
  }
  return ProcessDate as DateConstructor;
}
