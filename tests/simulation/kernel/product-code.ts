/**
 * The product's code as processes run it. Each part is bundled once from the sources; each process evaluates the bundle
 * for itself, so it has module state of its own, with the simulation's time, chance and platform in place of Node's.
 */
import { createRequire } from "node:module";
import { compileFunction } from "node:vm";
import { build } from "esbuild";
import { SimulatedHeaders, SimulatedRequest, SimulatedResponse } from "./fetch-types.ts";
import type { SimulatedProcess } from "./process.ts";
import { createCrypto } from "./web-crypto.ts";
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
] as const;

/** Modules of Node that only compute. */
const PURE_MODULES = /^node:(buffer|crypto|zlib|path|url|util|assert)$/;

const nodeRequire = createRequire(import.meta.url);

/** The bundles of one copy of the sources. */
export class ProductCode {
  readonly #factories: ReadonlyMap<string, Factory>;

  private constructor(factories: ReadonlyMap<string, Factory>) {
    this.#factories = factories;
  }

  /** Bundles parts of the sources below `root`. */
  static async load(root: string, parts: readonly ProductPart[]): Promise<ProductCode> {
    const factories = await Promise.all(parts.map(async (part) => [part.name, await bundle(root, part)] as const));
    return new ProductCode(new Map(factories));
  }

  /** The exports of a part, evaluated for a process. */
  evaluate<Exports>(part: string, owner: SimulatedProcess, platform: ProcessPlatform = {}): Exports {
    const factory = this.#factories.get(part);
    if (factory === undefined) throw new Error(`no part ${part} is loaded`);
    const module = { exports: {} };
    factory(...globalsOf(module, owner, platform));
    return module.exports as Exports;
  }
}

async function bundle(root: string, { name, entry }: ProductPart): Promise<Factory> {
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: root, loader: "ts" },
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    target: "node22",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*", "undici"],
    define: { "Math.random": "simulatedRandom", "performance.now": "simulatedMonotonicMs" },
    logLevel: "error",
  });
  const code = outputFiles[0]?.text ?? "";
  return compileFunction(code, [...GLOBALS], { filename: `simulated-${name}.js` }) as Factory;
}

function globalsOf(module: { exports: object }, owner: SimulatedProcess, platform: ProcessPlatform): unknown[] {
  const { simulation } = owner;
  const require = (id: string): unknown => {
    const given = platform.modules?.[id];
    if (given !== undefined) return given;
    if (!PURE_MODULES.test(id)) throw new Error(`${owner.name} may not load ${id} in the simulation`);
    return nodeRequire(id);
  };
  return [
    module,
    module.exports,
    require,
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
