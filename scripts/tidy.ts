/**
 * Rules for product code: clocks, randomness and ids are passed in, exported names are unique,
 * replaced names are not used, files are short. `tidy-backlog.json` lists the files that still break a rule,
 * each with its count; a different count fails in either direction, so the list only shrinks.
 * `node scripts/tidy.ts --shorten` lowers its counts to the current ones.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "@swc/core";

/** Facts about one file. */
export interface FileFacts {
  readonly path: string;
  readonly lines: number;
  /** Uses of the platform's clocks, timers, randomness and ids, one entry per use. */
  readonly platformUses: readonly string[];
  readonly exportedNames: readonly string[];
}

/** Non-zero counts by file. */
export interface Backlog {
  readonly platformUses: Readonly<Record<string, number>>;
  readonly longFiles: Readonly<Record<string, number>>;
}

const PRODUCT = "{core,workers,durable-objects,origin,web/src}/**/*.{ts,tsx}";
/** As in `.dependency-cruiser.cjs`. */
const TEST = /\.test\.tsx?$|(^|\/)testing(\.ts$|\/)|(^|\/)fixtures\.ts$|\/cmaf\/(rules|output-checker)\.ts$/;
const MAX_LINES = 400;
const BACKLOG = "scripts/tidy-backlog.json";
/** The only file that uses the platform's clock, randomness and ids. */
const SYSTEM_PLATFORM = "core/kit/system-platform.ts";

/** Globals of time, randomness and ids, with their restricted members; null: every use. */
const PLATFORM_GLOBALS: ReadonlyMap<string, readonly string[] | null> = new Map([
  ["setTimeout", null],
  ["setInterval", null],
  ["setImmediate", null],
  ["scheduler", null],
  ["Date", ["now"]],
  ["performance", ["now", "timeOrigin"]],
  ["Math", ["random"]],
  ["crypto", ["randomUUID"]],
]);
const GLOBAL_OBJECTS: readonly string[] = ["globalThis", "window", "self"];
/** The same in Node's modules; null: every export. */
const PLATFORM_MODULES: ReadonlyMap<string, readonly string[] | null> = new Map([
  ["node:timers", null],
  ["node:timers/promises", null],
  ["node:perf_hooks", null],
  ["node:crypto", ["randomUUID"]],
]);

/** Names of an earlier vocabulary, which no export may have. */
const REPLACED_NAMES: ReadonlySet<string> = new Set(
  `Door judge Verdict Way Walker Stop memorable instead besideOf spreadOf turnAway sendAway Away StreamEdge Lead heirs callers
  Located Calls Tally tally told nothing putOff Brought Identity Bearer Viewer Author You Person Act Asked Waiting Submission
  Happening Fact Stretch Taken Teller Broadcaster Seat Seats Seating Fresh Ring Recent Turns Intake Mover shutOut holding recount
  surroundings comeBackWithinMs writesAgain youAre askToJoin Place readable unseen seen Judge Opinion Reviews escaped personal
  sealing Sealed crowd beat tap Run Lane Grid Cut beside mass dialect Told Kept Said Noted`.split(/\s+/),
);
/** Spellings that no exported name contains: it is `programTime`. */
const REPLACED_SPELLING = /programme/i;

/** A node of the syntax tree, as far as it is used here. */
interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Reads one file. */
export function readFacts(path: string, text: string): FileFacts {
  // An undeclared name reveals the scope number of globals in this tree.
  const { body } = parseSync(`${text}\n;undeclared;`, {
    syntax: "typescript",
    tsx: path.endsWith("x"),
    target: "es2024",
  });
  const statements = body as unknown as Node[];
  const probe = statements.at(-1)?.["expression"] as Node;
  const program = statements.slice(0, -1);
  return {
    path,
    lines: text.split("\n").length - 1,
    platformUses: findPlatformUses(program, probe["ctxt"]),
    exportedNames: program.flatMap(namesExportedBy),
  };
}

/** One line per broken rule of a file, and per count that differs from the backlog. */
export function findUntidiness(files: readonly FileFacts[], backlog: Backlog): string[] {
  const uses = files.filter(({ path }) => path !== SYSTEM_PLATFORM);
  return [
    ...compareCounts(
      backlog.platformUses,
      countsOf(uses, ({ platformUses }) => platformUses.length),
      (path, count) => {
        const names = [...new Set(files.find((file) => file.path === path)?.platformUses)].join(", ");
        return `${path} takes the platform's ${names} itself (${count} uses): pass a Platform in`;
      },
    ),
    ...compareCounts(
      backlog.longFiles,
      longFiles(files),
      (path, count) => `${path}: ${count} lines, at most ${MAX_LINES}`,
    ),
    ...findRepeatedExports(files),
    ...files.flatMap(({ path, exportedNames }) =>
      exportedNames
        .filter((name) => REPLACED_NAMES.has(name) || REPLACED_SPELLING.test(name))
        .map((name) => `${path} exports ${name}, a replaced name: see the glossary`),
    ),
  ];
}

/** The backlog with lowered counts; none rises, and none is added. */
export function shortenBacklog(files: readonly FileFacts[], backlog: Backlog): Backlog {
  const shorten = (listed: Readonly<Record<string, number>>, counts: ReadonlyMap<string, number>) =>
    Object.fromEntries(
      Object.entries(listed)
        .map(([path, count]) => [path, Math.min(count, counts.get(path) ?? 0)] as const)
        .filter(([, count]) => count > 0),
    );
  const uses = countsOf(files, ({ platformUses }) => platformUses.length);
  return {
    platformUses: shorten(backlog.platformUses, uses),
    longFiles: shorten(backlog.longFiles, longFiles(files)),
  };
}

function longFiles(files: readonly FileFacts[]): Map<string, number> {
  return countsOf(files, ({ lines }) => (lines > MAX_LINES ? lines : 0));
}

function countsOf(files: readonly FileFacts[], count: (file: FileFacts) => number): Map<string, number> {
  return new Map(files.map((file) => [file.path, count(file)] as const).filter(([, value]) => value > 0));
}

function compareCounts(
  listed: Readonly<Record<string, number>>,
  counts: ReadonlyMap<string, number>,
  describe: (path: string, count: number) => string,
): string[] {
  const paths = [...new Set([...Object.keys(listed), ...counts.keys()])].sort();
  return paths.flatMap((path) => {
    const [was, is] = [listed[path] ?? 0, counts.get(path) ?? 0];
    if (is > was) return [was === 0 ? describe(path, is) : `${describe(path, is)}; the backlog has ${was}`];
    return is < was ? [`${path}: ${is}, no longer ${was}: \`node scripts/tidy.ts --shorten\``] : [];
  });
}

function findRepeatedExports(files: readonly FileFacts[]): string[] {
  const homes = new Map<string, Set<string>>();
  for (const { path, exportedNames } of files) {
    for (const name of exportedNames) homes.set(name, (homes.get(name) ?? new Set()).add(path));
  }
  return [...homes].flatMap(([name, paths]) =>
    paths.size > 1 ? [`${name} is exported by ${[...paths].join(" and ")}: one name, one meaning`] : [],
  );
}

/** The names that a statement exports. */
function namesExportedBy(statement: Node): string[] {
  if (statement.type === "ExportNamedDeclaration") {
    // Re-exports are counted in the declaring file.
    if (statement["source"]) return [];
    return (statement["specifiers"] as Node[]).flatMap(({ exported, orig }) => nameOf(exported ?? orig) ?? []);
  }
  if (statement.type !== "ExportDeclaration") return [];
  const declaration = statement["declaration"] as Node;
  const declared =
    declaration.type === "VariableDeclaration"
      ? (declaration["declarations"] as Node[]).map(({ id }) => id)
      : [declaration["identifier"] ?? declaration["id"]];
  return declared.flatMap((id) => nameOf(id) ?? []);
}

function nameOf(node: unknown): string | null {
  const { type, value } = node as Node;
  return type === "Identifier" ? String(value) : null;
}

/** The uses of the platform's globals and modules, in order; `globalScope` is the scope number of what nothing declares. */
function findPlatformUses(program: readonly Node[], globalScope: unknown): string[] {
  const found: string[] = [];

  /** The global in an expression, by itself or as a member of the global object. */
  function globalName(node: Node): string | null {
    if (node.type === "Identifier") return node["ctxt"] === globalScope ? String(node["value"]) : null;
    if (node.type !== "MemberExpression") return null;
    const owner = globalName(node["object"] as Node);
    return owner !== null && GLOBAL_OBJECTS.includes(owner) ? memberName(node) : null;
  }

  function visit(node: unknown): void {
    if (Array.isArray(node)) {
      for (const each of node) visit(each);
    } else if (typeof node === "object" && node !== null) {
      if ("type" in node) visitNode(node as Node);
      else visitChildren(node);
    }
  }

  function visitChildren(node: object): void {
    for (const child of Object.values(node)) if (typeof child === "object") visit(child);
  }

  function visitNode(node: Node): void {
    if (isTypeNode(node)) return;
    if (node.type === "ImportDeclaration") {
      found.push(...platformImports(node));
      return;
    }
    const name = globalName(node);
    if (name !== null && PLATFORM_GLOBALS.has(name)) {
      found.push(name);
      return;
    }
    if (node.type === "MemberExpression") {
      const owner = globalName(node["object"] as Node);
      const members = owner === null ? undefined : PLATFORM_GLOBALS.get(owner);
      if (members) {
        const member = memberName(node);
        if (member === null || members.includes(member)) found.push(`${owner}.${member ?? "…"}`);
        return;
      }
    }
    if (node.type === "NewExpression" && globalName(node["callee"] as Node) === "Date") {
      const args = node["arguments"] as unknown[];
      if (args.length === 0) found.push("new Date()");
      visit(args);
      return;
    }
    if (node.type === "BinaryExpression" && node["operator"] === "instanceof") {
      visit(node["left"]);
      return;
    }
    visitChildren(node);
  }

  visit(program);
  return found;
}

/** The member that an expression reads, null if it is computed. */
function memberName(node: Node): string | null {
  const property = node["property"] as Node;
  if (property.type === "Identifier") return String(property["value"]);
  const computed = property["expression"] as Node | undefined;
  return computed?.type === "StringLiteral" ? String(computed["value"]) : null;
}

function platformImports(node: Node): string[] {
  const module = String((node["source"] as Node)["value"]);
  const names = PLATFORM_MODULES.get(module);
  if (names === undefined || node["typeOnly"] === true) return [];
  return (node["specifiers"] as Node[]).flatMap((specifier) => {
    const name = nameOf(specifier["imported"] ?? specifier["local"]);
    return specifier.type !== "ImportSpecifier" || names === null || names.includes(name ?? "")
      ? [`${module} ${name}`]
      : [];
  });
}

/** Whether a node is of types alone; assertions hold expressions. */
function isTypeNode({ type }: Node): boolean {
  return /^Ts(?!AsExpression|SatisfiesExpression|NonNullExpression|ConstAssertion|TypeAssertion|Instantiation|Enum|ParameterProperty|ExportAssignment)/.test(
    type,
  );
}

/** Reads the product code below `root`. */
export function readProduct(root: string): FileFacts[] {
  return globSync(PRODUCT, { cwd: root })
    .filter((path) => !TEST.test(path) && !path.endsWith(".d.ts"))
    .sort()
    .map((path) => readFacts(path, readFileSync(join(root, path), "utf8")));
}

/** Reads the counts that are not zero yet. */
export function readBacklog(root: string): Backlog {
  return JSON.parse(readFileSync(join(root, BACKLOG), "utf8")) as Backlog;
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  if (process.argv.includes("--shorten")) {
    const shortened = shortenBacklog(readProduct(root), readBacklog(root));
    writeFileSync(join(root, BACKLOG), `${JSON.stringify(shortened, null, 2)}\n`);
  }
  for (const line of findUntidiness(readProduct(root), readBacklog(root))) console.error(line);
}
