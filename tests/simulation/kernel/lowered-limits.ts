/**
 * Limits of the product that are lowered in a part of the runs, so that what is there for thousands of viewers is reached by
 * a few: the sources are bundled a second time with other numbers.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";

/**
 * Numbers by the text before them, or by the name of their object and their own (`LIMITS.queueBytes`); by the path of their
 * file from the project's folder.
 */
export type LoweredLimits = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Puts the numbers into the sources. Throws where a file has not exactly one number behind a text. */
export function loweredLimitsPlugin(root: string, limits: LoweredLimits): Plugin {
  const lowered = new Map(Object.entries(limits).map(([file, numbers]) => [join(root, file), numbers]));
  return {
    name: "lowered-limits",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const numbers = lowered.get(path);
        if (numbers === undefined) return null;
        const contents = Object.entries(numbers).reduce(
          (text, [name, number]) => lowerLimit(path, text, name, number),
          readFileSync(path, "utf8"),
        );
        return { contents, loader: "ts" };
      });
    },
  };
}

/** `name: 48` and `NAME = 2_048` get another number. */
function lowerLimit(path: string, text: string, name: string, number: number): string {
  const [object, member] = /^[A-Z_]+\.\w+$/.test(name) ? name.split(".") : [];
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const before = member === undefined ? `${escaped}(?:: | = )` : `${object} = \\{[^}]*?\\b${member}: `;
  const pattern = new RegExp(`(?<![\\w.])(${before})[\\d_]+`, "g");
  const found = text.match(pattern)?.length ?? 0;
  if (found !== 1) throw new Error(`${path} has ${found} limits ${name}`);
  return text.replace(pattern, `$1${number}`);
}
