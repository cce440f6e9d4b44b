/** Bundles the pages of web/, which the Worker serves as static assets. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildResult, build, type Metafile, type Plugin } from "esbuild";
import { BRAND, type Brand } from "../../core/kit/brand.ts";
import { escapeHtml } from "../../core/kit/escape-html.ts";
import { renderBrandStyle } from "./brand-style.ts";
import type { PageFiles } from "./page-folders.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const web = join(root, "web");
/** Output folder for esbuild; nothing is written there. */
const OUT = "web/dist";

/** Required browser versions: those with WebKit's ManagedMediaSource or later. */
const TARGETS = ["chrome111", "firefox114", "safari16.4"];

/** The pages' scripts, and those that they load by address: a worker and a worklet, which cannot be imported. */
const ENTRY_POINTS: Readonly<Record<string, string>> = {
  watch: "web/src/watch/watch.ts",
  embed: "web/src/embed/embed.ts",
  studio: "web/src/studio/studio.ts",
  overview: "web/src/studio/overview/overview.ts",
  golive: "web/src/golive/golive.ts",
  landing: "web/src/landing/landing.ts",
  publisher: "web/src/golive/worker/publisher.ts",
  "sound-worklet": "web/src/golive/sound-worklet.ts",
};

/** Scripts at an address that stays, for pages of other sites. */
const SHARED_SCRIPTS: Readonly<Record<string, string>> = { "player.js": "web/src/embed/corral-player.ts" };

/** Scripts that are in their page: what they ask for does not wait for a file. */
const INLINE_SCRIPTS: Readonly<Record<string, string>> = {
  early: "web/src/watch/early.ts",
  "hand-over": "web/src/sign-in/hand-over.ts",
};

/** Builds every page of a site in memory. Throws errors of esbuild, and one sentence about a brand that cannot be. */
export async function buildPages(brand: Brand = BRAND): Promise<PageFiles> {
  const pages = new Map<string, Uint8Array>();
  if (brand.reports !== null && !/^(https:\/\/[^\s/?#]+|mailto:[^\s?#@]+@[^\s?#@]+$)/.test(brand.reports)) {
    throw new Error(`The brand's reports go to an address like https://… or mailto:…, not ${brand.reports}.`);
  }
  const inserts = new Map([
    ["brand.name", escapeHtml(brand.name)],
    ["brand.reports", escapeHtml(brand.reports ?? "")],
  ]);
  for (const part of ["head", "player"]) {
    inserts.set(part, fillTemplate(await readPageSource(`${part}.html`), inserts));
  }
  for (const { metafile, outputFiles } of await bundlePages(brand)) {
    for (const [name, tags] of renderBundleTags(metafile)) inserts.set(name, tags);
    for (const { path, contents } of outputFiles) pages.set(relative(join(root, OUT), path), contents);
  }
  for (const [name, path] of Object.entries(INLINE_SCRIPTS))
    inserts.set(`${name}.inline`, await renderInlineScript(path));
  for (const [name, path] of Object.entries(SHARED_SCRIPTS)) {
    pages.set(name, new TextEncoder().encode(await bundleScript(path, "esm")));
  }
  for (const name of ["watch", "embed", "studio", "overview", "golive", "index", "sign-in", "404"]) {
    const page = `${name}.html`;
    pages.set(page, new TextEncoder().encode(fillTemplate(await readPageSource(page), inserts)));
  }
  pages.set("third-party-notices.txt", await readFile(join(root, "THIRD-PARTY-NOTICES.txt")));
  pages.set("favicon.svg", await readFile(join(root, brand.favicon)));
  return pages;
}

/** The scripts and style sheets of every page, in memory. */
export function bundlePages(brand: Brand = BRAND): Promise<BuildResult<{ metafile: true; write: false }>[]> {
  const style = brandStylePlugin(renderBrandStyle(brand));
  return Promise.all(Object.keys(ENTRY_POINTS).map((page) => bundlePage(page, style)));
}

/** Gives `base.css` the brand's colours, as what it imports by this name. */
function brandStylePlugin(contents: string): Plugin {
  return {
    name: "brand",
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^brand:colours$/ }, ({ path }) => ({ path, namespace: "brand" }));
      onLoad({ filter: /.*/, namespace: "brand" }, () => ({ contents, loader: "css" }));
    },
  };
}

/** One page's script. Shared code is not split out: each further file waits for one of the browser's six connections. */
function bundlePage(page: string, style: Plugin): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    absWorkingDir: root,
    entryPoints: { [page]: ENTRY_POINTS[page] ?? "" },
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
    plugins: [style],
    metafile: true,
    legalComments: "eof",
    footer: { js: "/*! Licences of the packages in this file: /third-party-notices.txt */" },
    logLevel: "warning",
    tsconfigRaw: {},
  });
}

/** A script without others that it imports. */
async function bundleScript(path: string, format: "iife" | "esm"): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [path],
    write: false,
    bundle: true,
    format,
    minify: true,
    target: TARGETS,
    logLevel: "warning",
    tsconfigRaw: {},
  });
  return outputFiles[0]?.text.trim() ?? "";
}

/** A script in the page, with its hash for the Worker, which permits it in the page's Content-Security-Policy. */
async function renderInlineScript(path: string): Promise<string> {
  const script = await bundleScript(path, "iife");
  // It would end the element; and a template indents lines.
  if (/<\/script|<!--|\n/i.test(script)) throw new Error(`${path} can't be written into a page`);
  const hash = createHash("sha256").update(script).digest("base64");
  return `<script data-hash="sha256-${hash}">${script}</script>`;
}

/** The tags that load each entry point: `watch.js` its script and what that imports, `watch.css` its style sheet; `watch.url` is its address. */
function renderBundleTags(metafile: Metafile): Map<string, string> {
  const tags = new Map<string, string>();
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (output.entryPoint === undefined || /\/mount(-\w+)?\.tsx$/.test(output.entryPoint)) continue;
    const entry = basename(output.entryPoint, ".ts");
    const imports = output.imports.filter(({ kind }) => kind === "import-statement");
    const lines = [
      `<script type="module" src="${assetAddress(path)}"></script>`,
      // A browser fetches these in parallel with the script that needs them.
      ...imports.map((imported) => `<link rel="modulepreload" href="${assetAddress(imported.path)}" />`),
    ];
    tags.set(`${entry}.js`, lines.join("\n"));
    tags.set(`${entry}.url`, assetAddress(path));
    if (output.cssBundle === undefined) continue;
    tags.set(`${entry}.css`, `<link rel="stylesheet" href="${assetAddress(output.cssBundle)}" />`);
  }
  return tags;
}

const assetAddress = (path: string): string => `/assets/${basename(path)}`;

/** The source of a page or of a part of one, without its comments. */
const readPageSource = async (name: string): Promise<string> =>
  (await readFile(join(web, "pages", name), "utf8")).replace(/\s*<!--[\s\S]*?-->/g, "");

/** A page, each `{{name}}` replaced by that insert, whose lines are indented as the name is. */
function fillTemplate(page: string, inserts: ReadonlyMap<string, string>): string {
  return page.replace(/( *)\{\{([a-z.-]+)\}\}/g, (_, indent: string, name: string) => {
    const insert = inserts.get(name);
    if (insert === undefined) throw new Error(`a page names ${name}, which no bundle and no part has`);
    return insert.trim().replaceAll(/^/gm, indent);
  });
}
