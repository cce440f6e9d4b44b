/** Kinds of variables, each with its documentation. */
import * as z from "zod/mini";
import { InvalidVariable } from "./config-values.ts";

/** The documentation of one variable. */
export interface VariableDocs {
  readonly isSecret: boolean;
  /** The default as a person writes it; empty: not set. */
  readonly byDefault: string;
  /** What it sets, and in which unit. */
  readonly meaning: string;
}

/** Minimum bytes of a secret: as many as its HMAC hash has. */
const MIN_SECRET_BYTES = 32;

const docs = z.registry<VariableDocs>();

/** The documentation of a variable of this module. */
export const docsOf = (schema: z.ZodMiniType): VariableDocs | undefined => docs.get(schema);

/** A variable: `parse` reads its text, and throws `InvalidVariable` with the requirement. */
export function variable<T>(about: VariableDocs, unset: T, parse: (text: string) => T): z.ZodMiniType<T> {
  const schema = z.pipe(
    z.optional(z.string("must be a string")),
    z.transform((text, context): T => {
      if (text === undefined || text === "") return unset;
      try {
        return parse(text);
      } catch (error) {
        // The value itself is not reported: it may be a secret.
        const message = error instanceof InvalidVariable ? error.message : "is invalid";
        context.issues.push({ code: "custom", message, input: undefined });
        return unset;
      }
    }),
  ) as unknown as z.ZodMiniType<T>;
  docs.add(schema, about);
  return schema;
}

/** A secret of the edge, long enough that nobody guesses it. */
export function secretVariable(meaning: string): z.ZodMiniType<string | null> {
  return variable<string | null>({ isSecret: true, byDefault: "", meaning }, null, (text) => {
    if (new TextEncoder().encode(text).byteLength >= MIN_SECRET_BYTES) return text;
    throw new InvalidVariable(
      `must have at least ${MIN_SECRET_BYTES} bytes: set a new one, such as from \`openssl rand -hex 32\``,
    );
  });
}

/** A whole number within bounds. */
export function integerVariable(
  meaning: string,
  [min, max]: readonly [number, number],
  byDefault: number,
): z.ZodMiniType<number> {
  return variable({ isSecret: false, byDefault: String(byDefault), meaning }, byDefault, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidVariable(`must be a whole number from ${min} to ${max}`);
  });
}

/** A number above 0. */
export function positiveVariable(meaning: string, max: number, byDefault: number): z.ZodMiniType<number> {
  return variable({ isSecret: false, byDefault: String(byDefault), meaning }, byDefault, (text) => {
    const value = /^\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (value > 0 && value <= max) return value;
    throw new InvalidVariable(`must be a number above 0 and at most ${max}`);
  });
}

/** A text that `parse` reads. */
export function textVariable<T>(meaning: string, unset: T, parse: (text: string) => T): z.ZodMiniType<T> {
  return variable({ isSecret: false, byDefault: "", meaning }, unset, parse);
}
