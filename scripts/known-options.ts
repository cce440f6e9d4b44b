/** What a command line asks that the command doesn't know: the parser would let it pass. */
import type { ArgsDef } from "citty";

/**
 * A sentence about the first option that `known` lacks, that has no value where it needs one, or about the first word too
 * many; null where there is nothing to say. `args` are as `citty` parsed them.
 */
export function complaintAbout(
  args: Readonly<Record<string, unknown>> & { readonly _: readonly string[] },
  known: ArgsDef,
): string | null {
  for (const [name, value] of Object.entries(args)) {
    if (name === "_") continue;
    // The parser gives an option's value under both spellings of its name.
    const type = (known[name] ?? known[name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)])?.type;
    if (type === undefined) return `There is no option --${name}; --help lists them.`;
    if (type === "string" && value !== undefined && (typeof value !== "string" || value.trim() === "")) {
      return `--${name} needs a value.`;
    }
  }
  const places = Object.values(known).filter(({ type }) => type === "positional").length;
  const [tooMany] = args._.slice(places);
  return tooMany === undefined ? null : `"${tooMany}" is one word too many.`;
}
