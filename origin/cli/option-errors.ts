/** Command-line errors that the parser does not report: unknown options, and options that npm consumed. */
import type { ArgDef, ArgsDef } from "citty";

/** A command line parsed by `citty`. */
type ParsedArgs = Readonly<Record<string, unknown>> & { readonly _: readonly string[] };
/** Environment variables, of which those that npm sets for its scripts are read. */
type Environment = Readonly<Record<string, string | undefined>>;

/** Options that users also set for npm in `.npmrc`, or `npx` for its commands: their presence in npm's settings proves nothing. */
const SETTINGS_OF_NPM: readonly string[] = ["key", "only", "yes"];

/**
 * A sentence about options that npm consumed, about the first unknown option, about a missing
 * value, or about the first unexpected argument; null if there is no error.
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
    // The parser stores an option's value under both spellings of its name.
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
 * A sentence about options before npm's `--`: npm treats them as its own settings, passes on only
 * the words between them, and sets `npm_config_…` for its scripts. Null if none of `known` is set.
 */
export function describeNpmOptionError(
  args: ParsedArgs,
  known: ArgsDef,
  environment: Environment = process.env,
): string | null {
  const taken = Object.entries(known).flatMap(([name, option]): NpmOption[] => {
    const value = environment[`npm_config_${name.replaceAll("-", "_")}`];
    // Options that were also given after `--` have reached the command.
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

/** An option in npm's settings: its value in the environment; true means without a value, and an empty one negated. */
interface NpmOption {
  readonly name: string;
  readonly option: ArgDef;
  readonly value: string;
}

/** The intended words. A value that npm separated from its option is one of `words`; which one is not always known. */
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

/** The word that is the value of `option`: the only one, or the only number for a numeric option. */
function findOptionValue(words: readonly string[], { default: usual }: ArgDef): string | undefined {
  const isNumber = (word: unknown): boolean => typeof word === "string" && /^\d+(\.\d+)?$/.test(word);
  const candidates = isNumber(usual) ? words.filter(isNumber) : words;
  return candidates.length === 1 ? candidates[0] : undefined;
}
