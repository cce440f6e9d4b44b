/**
 * `npm run notices`: writes THIRD-PARTY-NOTICES.txt, the licences of all packages that are part of the pages' and the Worker's
 * bundles. Pages carry it as `/third-party-notices.txt`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { bundlePages } from "../origin/local-edge/build-pages.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Path of the notices, from the project's root. */
export const NOTICES_FILE = "THIRD-PARTY-NOTICES.txt";

const RULE = `${"=".repeat(100)}\n`;
/** Licence files of packages, and notices required by Apache-2.0 §4(d). */
const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/** The packages with code in the bundles, sorted by name. */
export async function listBundledPackages(): Promise<string[]> {
  const worker = await build({
    absWorkingDir: root,
    entryPoints: ["workers/index.ts"],
    outdir: "out",
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
  });
  const pages = await bundlePages();
  return [...new Set([worker, ...pages].flatMap(({ metafile }) => listOutputPackages(metafile)))].sort();
}

function listOutputPackages({ outputs }: Metafile): string[] {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
      return bytesInOutput > 0 && name !== undefined ? [name] : [];
    }),
  );
}

/** The notices of these packages. Throws if one lacks its licence. */
export function renderNotices(packages: readonly string[]): string {
  const notices = packages.map((name) => {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<
      string,
      string
    >;
    const files = readdirSync(folder)
      .filter((file) => LICENCE_FILE.test(file))
      .sort();
    if (files.length === 0) throw new Error(`${name} is bundled, but comes without its licence`);
    const texts = files.map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim());
    return `${RULE}${name} ${version} (${license})\n${RULE}\n${texts.join("\n\n")}\n`;
  });
  const intro = "Corral's pages and its Worker contain the following packages, under the licences below each name.\n";
  return `${intro}\n${notices.join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const packages = await listBundledPackages();
  writeFileSync(join(root, NOTICES_FILE), renderNotices(packages));
  console.log(`corral: ${NOTICES_FILE} lists ${packages.length} packages.`);
}
