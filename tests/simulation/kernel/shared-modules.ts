/**
 * The modules of the project and of a few libraries that all processes share. Code that each process evaluates for itself has
 * classes of its own, and what runs with a hundred shapes of the same object is slow. A module is shared where nothing of a
 * process can be in it: it imports such modules only, holds no variable, and uses neither time, chance, caches nor the console.
 * The platform that it gets has none of them, so one that would need them fails. The libraries hold caches and registries of
 * what is the same in every process.
 */
import { readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";

/** Exports by the module's path from the project's folder. */
export type SharedModules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The name by which bundles get them. */
export const SHARED_MODULES_NAME = "simulatedModules";

/** Libraries that compute only: schemas, routes, words, header fields. */
const PURE_LIBRARY = /(^|\/)node_modules\/(zod|hono|modern-ahocorasick|unhomoglyph|@svta)\//;
/** Folders of the code that processes run. */
const OWN_CODE = /^(core|durable-objects|origin|web|workers)\//;
/** The platform itself: it has the time and chance of a process. */
const PROCESS_MODULES: ReadonlySet<string> = new Set(["core/kit/system-platform.ts"]);
/** Their variables remember what every process would compute alike from the same input. */
const REMEMBERING_MODULES: ReadonlySet<string> = new Set([
  "core/api/config.ts",
  "core/moderation/moderate.ts",
  "workers/delivery/live-path.ts",
  "workers/delivery/media-responses.ts",
  "workers/kit/accept-encoding.ts",
  "workers/kit/request-address.ts",
]);
/** A variable of a module, or an object that may hold something. */
const MODULE_STATE = /^(export )?(let |var |const \w+(: [^=]+)? = new )/m;
/** Objects that hold nothing, or always the same. What a `WeakMap` has belongs to its keys. */
const CONSTANT_OBJECT =
  /new (WeakMap|WeakSet|Hono|TextEncoder|TextDecoder|Uint8Array|URLSearchParams|Error|RegExp|Intl\.\w+|(Map|Set)(<[^(]*>)?\((?!\)))/g;
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/ .*/g;
/** What only the process of its own can give a module. */
const OWN_PLATFORM =
  /\b(caches\.|console\.|set(Timeout|Interval)\(|clearTimeout|performance\.|Date\.now|new Date\(\)|Math\.random|crypto\.(getRandomValues|randomUUID))/;
/** Modules of Node that only compute. */
export const PURE_NODE_MODULE: RegExp = /^node:(buffer|crypto|zlib|path|url|util|assert)$/;

/** The modules that entries reach and that may be shared, as TypeScript that exports them. */
export async function collectSharedModules(
  root: string,
  options: BuildOptions,
  entries: readonly string[],
): Promise<string> {
  const results = await Promise.all(
    entries.map((contents) =>
      build({ ...options, stdin: { contents, resolveDir: root, loader: "ts" }, write: false, metafile: true }),
    ),
  );
  const inputs: Metafile["inputs"] = Object.assign({}, ...results.map(({ metafile }) => metafile?.inputs));
  const known = new Map<string, boolean>();
  const isShared = (file: string): boolean => {
    const before = known.get(file);
    if (before !== undefined) return before;
    known.set(file, false);
    const input = inputs[file];
    const made =
      input !== undefined &&
      (PURE_LIBRARY.test(file) ||
        (OWN_CODE.test(file) &&
          !PROCESS_MODULES.has(file) &&
          isStateless(file, readFileSync(join(root, file), "utf8")) &&
          input.imports.every(({ path, external }) =>
            external === true ? PURE_NODE_MODULE.test(path) : isShared(path),
          )));
    known.set(file, made);
    return made;
  };
  // Of a library, what the project's own modules import; it has the rest with it.
  const own = Object.entries(inputs).filter(([file]) => !file.includes("node_modules/"));
  const imported = new Set(own.flatMap(([file, { imports }]) => [file, ...imports.map(({ path }) => path)]));
  const files = [...imported].filter(isShared).sort();
  const imports = files.map((file, index) => `import * as m${index} from "./${file}";`);
  const exported = files.map((file, index) => `${JSON.stringify(file)}: { ...m${index} }`);
  return `${imports.join("\n")}\nexport const modules = { ${exported.join(", ")} };`;
}

function isStateless(file: string, source: string): boolean {
  const code = source.replaceAll(COMMENT, "");
  if (OWN_PLATFORM.test(code)) return false;
  return REMEMBERING_MODULES.has(file) || !MODULE_STATE.test(code.replaceAll(CONSTANT_OBJECT, ""));
}

/** Marks the look-up of a package that is behind its name. */
const UNSHARED = Symbol("unshared");

/** Puts the shared modules in the place of their sources. */
export function sharedModulesPlugin(root: string, modules: SharedModules): Plugin {
  return {
    name: "shared-modules",
    setup({ onResolve, onLoad, resolve: resolvePackage }) {
      const share = (file: string) =>
        modules[file] === undefined ? null : { path: file, namespace: "shared", sideEffects: false };
      onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => share(relative(root, resolve(resolveDir, path))));
      onResolve({ filter: /^(zod|hono)(\/|$)/ }, async ({ path, resolveDir, kind, pluginData }) => {
        if (pluginData === UNSHARED) return null;
        const found = await resolvePackage(path, { resolveDir, kind, pluginData: UNSHARED });
        return share(relative(root, found.path));
      });
      onLoad({ filter: /.*/, namespace: "shared" }, ({ path }) => {
        const from = `${SHARED_MODULES_NAME}[${JSON.stringify(path)}]`;
        const names = Object.keys(modules[path] ?? {}).filter((name) => name !== "default");
        // Names like `catch` are no names of constants.
        const contents = names.map((name, at) => `const v${at} = ${from}.${name};\nexport { v${at} as ${name} };`);
        return { contents: contents.join("\n"), loader: "js" };
      });
    },
  };
}
