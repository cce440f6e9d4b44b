/** Bundles the pages of web/ into web/dist, which the Worker serves as static assets. */
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const web = join(root, "web");
const dist = join(web, "dist");
const assets = join(dist, "assets");

/** What browsers must understand: those that have WebKit's ManagedMediaSource or better. */
const TARGETS = ["chrome111", "firefox114", "safari16.4"];

/** Builds everything anew. Throws what esbuild throws when a page doesn't compile. */
export async function buildWeb(): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  await mkdir(assets, { recursive: true });
  const addresses = new Map<string, string>();
  for (const page of ["watch", "studio", "landing"]) {
    for (const [name, address] of outputsByName(await bundle(page))) addresses.set(name, address);
  }
  for (const page of ["watch.html", "studio.html", "index.html", "404.html"]) {
    const text = await readFile(join(web, "pages", page), "utf8");
    await writeFile(join(dist, page), fill(text, addresses));
  }
  await cp(join(web, "pages", "favicon.svg"), join(dist, "favicon.svg"));
}

/** One page's script. What pages have in common is not cut out: each further file makes a browser's six connections queue. */
async function bundle(page: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { [page]: `web/src/${page}.ts` },
    outdir: "web/dist/assets",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    minify: true,
    target: TARGETS,
    jsx: "automatic",
    jsxImportSource: "preact",
    metafile: true,
    legalComments: "eof",
    logLevel: "warning",
    tsconfigRaw: {},
  });
  return metafile;
}

/** `watch.js` → `/assets/watch-ABCDEFGH.js` for each entry point, its style sheet and the links to its chunks. */
function outputsByName(metafile: Metafile): Map<string, string> {
  const names = new Map<string, string>();
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (output.entryPoint === undefined || output.entryPoint.endsWith("mount.tsx")) continue;
    const entry = basename(output.entryPoint, ".ts");
    names.set(`${entry}.js`, `/assets/${basename(path)}`);
    const chunks = output.imports.filter((imported) => imported.kind === "import-statement");
    names.set(`${entry}.chunks`, chunks.map(({ path }) => preload(`/assets/${basename(path)}`)).join("\n    "));
    if (output.cssBundle !== undefined) names.set(`${entry}.css`, `/assets/${basename(output.cssBundle)}`);
  }
  return names;
}

/** Has a chunk fetched beside the script that needs it, not after it. */
const preload = (address: string): string => `<link rel="modulepreload" href="${address}" />`;

function fill(page: string, addresses: Map<string, string>): string {
  return page.replace(/\s*<!--[\s\S]*?-->/g, "").replace(/\{\{([a-z.]+)\}\}/g, (_, name: string) => {
    const address = addresses.get(name);
    if (address === undefined) throw new Error(`no output called ${name} for a page`);
    return address;
  });
}

if (import.meta.main) await buildWeb();
