/** The layers of the source: each imports `core/` and its own files, never another layer. */
import { dirname, join } from "node:path/posix";

/** Folders under the rule; what lies outside them (scripts, tests) may be imported and may import anything. */
export const LAYERS: readonly string[] = ["protocol", "origin", "tiers", "workers", "durable-objects", "web"];

/** Imports across layers that stand for a reason; `typesOnly` ones vanish when the code is built. */
const ALLOWED_CROSSINGS: readonly { from: RegExp; to: RegExp; typesOnly: boolean }[] = [
  // What an isolate and an object do alike.
  { from: /^(workers|durable-objects)\//, to: /^tiers\//, typesOnly: false },
  // One script is deployed, and it must export every class.
  { from: /^workers\/index\.ts$/, to: /^durable-objects\//, typesOnly: false },
  // The calls that a Durable Object answers are known by its class's type.
  { from: /^workers\//, to: /^durable-objects\//, typesOnly: true },
  // The policy that the pages need is told by the pages.
  { from: /^workers\//, to: /^web\/csp\.ts$/, typesOnly: false },
];

/** Files that only tests load. */
const TEST_FILES = /(\.test\.tsx?|(^|\/)testing\.ts)$/;

const IMPORT = /^\s*(?:import|export)\s+(?<type>type\s)?[^;"']*?\bfrom\s+"(?<path>\.{1,2}\/[^"]+)"/gm;
const BARE_IMPORT = /\bimport\s*\(?\s*"(?<path>\.{1,2}\/[^"]+)"/g;

/** One line for each import of `text` (the file at `path`, from the project's root) that crosses layers. */
export function findLayerCrossings(path: string, text: string): string[] {
  const layer = findLayer(path);
  if (layer === null || TEST_FILES.test(path)) return [];
  return [...text.matchAll(IMPORT), ...text.matchAll(BARE_IMPORT)].flatMap(({ groups }) => {
    const target = join(dirname(path), groups?.["path"] ?? "");
    const other = findLayer(target);
    if (other === null || other === layer || other === "protocol") return [];
    const isType = groups?.["type"] !== undefined;
    const stands = ALLOWED_CROSSINGS.some(
      ({ from, to, typesOnly }) => from.test(path) && to.test(target) && (isType || !typesOnly),
    );
    return stands ? [] : [`${path} imports ${target}: ${layer}/ may import core/ and itself only`];
  });
}

/** The layer that a file lies in, or null. */
function findLayer(path: string): string | null {
  return LAYERS.find((layer) => path.startsWith(`${layer}/`)) ?? null;
}
