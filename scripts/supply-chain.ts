/** Requirements on the packages of this project: they are pinned, and their licences are allowed. */

/** One entry of `package-lock.json`. */
export interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly link?: boolean;
}
/** The entries by path; the project's own has the empty path. */
export type LockedPackages = Readonly<Record<string, LockedPackage>>;

const REGISTRY = "https://registry.npmjs.org/";

/** Licences of deployed code: they require a notice at most. */
const BUNDLED_LICENCES: ReadonlySet<string> = new Set([
  "MIT",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "0BSD",
]);
/** Additional licences of tools, tests and benchmarks: they bind only distributors of the tool itself. */
const TOOL_LICENCES: ReadonlySet<string> = new Set([
  ...BUNDLED_LICENCES,
  "BlueOak-1.0.0",
  "CC0-1.0",
  "CC-BY-4.0",
  "MPL-2.0",
  "LGPL-3.0-or-later",
  "Unlicense",
]);
/** Licences that packages state in a form that npm does not read. */
const STATED_ELSEWHERE: Readonly<Record<string, string>> = { "dom-walk": "MIT" };

/** The name of the package at a path of the lock file. */
export const parsePackageName = (path: string): string =>
  path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);

/** One line per package whose contents could be replaced by another's. */
export function findUnpinnedPackages(packages: LockedPackages): string[] {
  return Object.entries(packages).flatMap(([path, { integrity = "", resolved = REGISTRY, link }]) => {
    if (path === "") return [];
    if (link === true || !resolved.startsWith(REGISTRY)) return [`${path} doesn't come from ${REGISTRY}`];
    return /^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity)
      ? []
      : [`${path} has no SHA-512 integrity in package-lock.json`];
  });
}

/** One line per package whose licence is not allowed for its use; `bundled`: the names of deployed packages. */
export function findUnlicensedPackages(packages: LockedPackages, bundled: ReadonlySet<string>): string[] {
  return Object.entries(packages).flatMap(([path, { license }]) => {
    if (path === "") return [];
    const name = parsePackageName(path);
    const stated = license ?? STATED_ELSEWHERE[name] ?? "none";
    const allowed = bundled.has(name) ? BUNDLED_LICENCES : TOOL_LICENCES;
    const where = bundled.has(name) ? "what is deployed" : "a tool";
    return satisfiesLicences(stated, allowed) ? [] : [`${path}: the licence ${stated} isn't on the list for ${where}`];
  });
}

/** Whether an SPDX expression leaves a choice that is allowed. One with brackets or exceptions is for people to read. */
function satisfiesLicences(expression: string, allowed: ReadonlySet<string>): boolean {
  return expression.split(" OR ").some((choice) => choice.split(" AND ").every((licence) => allowed.has(licence)));
}
