/** What a command line asks that the command doesn't know, or never sees: the parser would let it pass. */
import type { ArgDef, ArgsDef } from "citty";

/** A command line as `citty` parsed it. */
type ParsedArgs = Readonly<Record<string, unknown>> & { readonly _: readonly string[] };
/** Variables of the environment, of which those are read that npm sets for its scripts. */
type Environment = Readonly<Record<string, string | undefined>>;

/** Options of commands here that people also set for npm, in their `.npmrc`: npm having them says nothing. */
const SETTINGS_OF_NPM: readonly string[] = ["key", "only"];

/**
 * A sentence about options that npm took for its own, about the first option that `known` lacks, that has no value where
 * it needs one, or about the first word too many; null where there is nothing to say.
 */
export function describeOptionError(
  args: ParsedArgs,
  known: ArgsDef,
  environment: Environment = process.env,
): string | null {
  const taken = describeNpmOptionError(args, known, environment);
  if (taken !== null) return taken;
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
  return tooMany === undefined ? null : `Unexpected argument "${tooMany}".`;
}

/**
 * A sentence about options that stood before npm's `--`: npm keeps such ones as settings of its own, hands on nothing but
 * the words between them, and tells its scripts of them in `npm_config_…`. Null where it has none of `known`.
 */
export function describeNpmOptionError(
  args: ParsedArgs,
  known: ArgsDef,
  environment: Environment = process.env,
): string | null {
  const taken = Object.entries(known).flatMap(([name, option]): NpmOption[] => {
    const value = environment[`npm_config_${name.replaceAll("-", "_")}`];
    // What was given in the right place as well has reached the command.
    const given = args[name] !== undefined && args[name] !== option.default;
    if (value === undefined || given || option.type === "positional" || SETTINGS_OF_NPM.includes(name)) return [];
    return [{ name, option, value }];
  });
  if (taken.length === 0) return null;
  const names = taken.map(({ name }) => `--${name}`).join(", ");
  const script = environment["npm_lifecycle_event"] ?? "start";
  const command = ["start", "test"].includes(script) ? `npm ${script}` : `npm run ${script}`;
  const meant = [command, "--", ...suggestWords(taken, args._)].join(" ");
  return `npm consumed ${names}; put Corral's options after --: ${meant}`;
}

/** An option that npm has: its value as in the environment, where true says that it had none, and nothing that it was negated. */
interface NpmOption {
  readonly name: string;
  readonly option: ArgDef;
  readonly value: string;
}

/** The words that were meant. A value that npm cut off its option is one of `words`; which one is not always to be known. */
function suggestWords(npmOptions: readonly NpmOption[], words: readonly string[]): string[] {
  const cutOff = npmOptions.filter(({ option, value }) => option.type !== "boolean" && value === "true");
  const [first] = cutOff;
  const value = cutOff.length === 1 && first !== undefined ? findOptionValue(words, first.option) : undefined;
  const rest = cutOff.length === 0 || value !== undefined ? words.filter((word) => word !== value) : [];
  const options = npmOptions.flatMap(({ name, option, value: known }) => {
    if (option.type === "boolean") return [known === "" ? `--no-${name}` : `--${name}`];
    if (known !== "true") return [`--${name}`, known];
    const hint = "valueHint" in option ? option.valueHint : undefined;
    return [`--${name}`, value ?? hint ?? name.toUpperCase()];
  });
  return [...rest, ...options];
}

/** The word that is the value of `option`: the only one, or the only number where a number is wanted. */
function findOptionValue(words: readonly string[], { default: usual }: ArgDef): string | undefined {
  const isNumber = (word: unknown): boolean => typeof word === "string" && /^\d+(\.\d+)?$/.test(word);
  const candidates = isNumber(usual) ? words.filter(isNumber) : words;
  return candidates.length === 1 ? candidates[0] : undefined;
}
