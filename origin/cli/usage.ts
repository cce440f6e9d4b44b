/** Help texts for terminals of 80 columns. */
import type { ArgDef, ArgsDef } from "citty";

const COLUMNS = 80;
/** Column of the descriptions; a longer option has its description on the next line. */
const INDENT = 20;

/** What a help text is made of. */
export interface UsageSpec {
  /** The command, as it is typed before its options. */
  readonly command: string;
  readonly description: string;
  readonly args: ArgsDef;
}

/** The help text of a command; no line is longer than 80 columns, as long as no word is. */
export function renderHelpText({ command, description, args }: UsageSpec): string {
  const all = Object.entries(args);
  const places = all.filter(([, { type }]) => type === "positional");
  const options = all.filter(([, { type }]) => type !== "positional");
  const usage = [command, "[OPTIONS]", ...places.map(([name]) => `[${name.toUpperCase()}]`)].join(" ");
  return [
    ...wrapWords(description, COLUMNS),
    "",
    `USAGE  ${usage}`,
    "",
    ...renderEntries(places.map(([name, arg]) => [name.toUpperCase(), arg.description ?? ""])),
    ...(places.length === 0 ? [] : [""]),
    ...renderEntries(options.map(([name, arg]) => [renderFlag(name, arg), describeArg(arg)])),
    ...renderEntries([["-h, --help", "this text"]]),
    "",
  ].join("\n");
}

/** A table of terms and their descriptions, wrapped. */
export function renderEntries(entries: readonly (readonly [term: string, text: string])[]): string[] {
  return entries.flatMap(([term, text]) => {
    const lines = wrapWords(text, COLUMNS - INDENT);
    const head = `  ${term}`;
    const first = head.length > INDENT - 2 ? [head] : [head.padEnd(INDENT) + (lines.shift() ?? "")];
    return [...first, ...lines.map((line) => " ".repeat(INDENT) + line)];
  });
}

function renderFlag(name: string, arg: ArgDef): string {
  const hint = arg.type !== "boolean" && "valueHint" in arg ? ` ${arg.valueHint}` : "";
  return `--${name}${hint}`;
}

function describeArg({ description = "", default: usual, type }: ArgDef): string {
  return usual === undefined || type === "boolean" ? description : `${description} (default: ${usual})`;
}

function wrapWords(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
