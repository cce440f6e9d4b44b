/** Bundles the pages of web/, which the Worker serves as static assets. */
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildResult, build, type Metafile } from "esbuild";
import type { PageFiles } from "./page-folders.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const web = join(root, "web");
/** Where esbuild would put its outputs; nothing is written there. */
const OUT = "web/dist";

/** What browsers must understand: those that have WebKit's ManagedMediaSource or better. */
const TARGETS = ["chrome111", "firefox114", "safari16.4"];

/** Builds every page, in memory. Throws what esbuild throws when a page doesn't compile. */
export async function buildPages(): Promise<PageFiles> {
  const pages = new Map<string, Uint8Array>();
  const addresses = new Map<string, string>();
  for (const { metafile, outputFiles } of await bundlePages()) {
    for (const [name, address] of outputsByName(metafile)) addresses.set(name, address);
    for (const { path, contents } of outputFiles) pages.set(relative(join(root, OUT), path), contents);
  }
  for (const page of ["watch.html", "studio.html", "index.html", "404.html"]) {
    const text = await readFile(join(web, "pages", page), "utf8");
    pages.set(page, new TextEncoder().encode(fillTemplate(text, addresses)));
  }
  pages.set("third-party-notices.txt", await readFile(join(root, "THIRD-PARTY-NOTICES.txt")));
  pages.set("favicon.svg", await readFile(join(web, "pages", "favicon.svg")));
  return pages;
}

/** The scripts and style sheets of every page, in memory. */
export function bundlePages(): Promise<BuildResult<{ metafile: true; write: false }>[]> {
  return Promise.all(["watch", "studio", "landing"].map(bundlePage));
}

/** One page's script. What pages have in common is not cut out: each further file makes a browser's six connections queue. */
function bundlePage(page: string): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    absWorkingDir: root,
    entryPoints: { [page]: `web/src/${page}/${page}.ts` },
    outdir: `${OUT}/assets`,
    write: false,
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
    footer: { js: "/*! Licences of the packages in this file: /third-party-notices.txt */" },
    logLevel: "warning",
    tsconfigRaw: {},
  });
}

/** `watch.js` → `/assets/watch-ABCDEFGH.js` for each entry point, its style sheet and the links to its chunks. */
function outputsByName(metafile: Metafile): Map<string, string> {
  const names = new Map<string, string>();
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (output.entryPoint === undefined || /\/mount(-\w+)?\.tsx$/.test(output.entryPoint)) continue;
    const entry = basename(output.entryPoint, ".ts");
    names.set(`${entry}.js`, `/assets/${basename(path)}`);
    const chunks = output.imports.filter((imported) => imported.kind === "import-statement");
    names.set(
      `${entry}.chunks`,
      chunks.map(({ path }) => renderPreloadLink(`/assets/${basename(path)}`)).join("\n    "),
    );
    if (output.cssBundle !== undefined) names.set(`${entry}.css`, `/assets/${basename(output.cssBundle)}`);
  }
  return names;
}

/** Has a chunk fetched beside the script that needs it, not after it. */
const renderPreloadLink = (address: string): string => `<link rel="modulepreload" href="${address}" />`;

function fillTemplate(page: string, addresses: Map<string, string>): string {
  return page.replace(/\s*<!--[\s\S]*?-->/g, "").replace(/\{\{([a-z.]+)\}\}/g, (_, name: string) => {
    const address = addresses.get(name);
    if (address === undefined) throw new Error(`no output called ${name} for a page`);
    return address;
  });
}
