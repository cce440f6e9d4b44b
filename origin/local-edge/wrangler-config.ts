/** The bindings of a local edge, as `wrangler.toml` declares them for a deployment. */
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { z } from "zod";

const WranglerConfigSchema = z.object({
  compatibility_date: z.string(),
  compatibility_flags: z.array(z.string()),
  vars: z.record(z.string(), z.string()),
  durable_objects: z.object({ bindings: z.array(z.object({ name: z.string(), class_name: z.string() })) }),
  ratelimits: z.array(
    z.object({
      name: z.string(),
      namespace_id: z.string(),
      simple: z.object({ limit: z.number(), period: z.union([z.literal(10), z.literal(60)]) }),
    }),
  ),
  r2_buckets: z.array(z.object({ binding: z.string(), bucket_name: z.string() })),
  assets: z.object({ binding: z.string() }),
});

/** The part of `wrangler.toml` that a local edge uses. */
export interface WranglerConfig {
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly vars: Readonly<Record<string, string>>;
  /** Classes of Durable Objects, by binding. */
  readonly objectClasses: Readonly<Record<string, string>>;
  readonly rateLimits: Readonly<
    Record<
      string,
      { readonly namespace_id: string; readonly simple: { readonly limit: number; readonly period: 10 | 60 } }
    >
  >;
  readonly r2Buckets: Readonly<Record<string, string>>;
  /** The binding of the pages. */
  readonly assetsBinding: string;
}

/** Parses the text of `wrangler.toml`. Throws on missing bindings. */
export function parseWranglerConfig(toml: string): WranglerConfig {
  const config = WranglerConfigSchema.parse(parse(toml));
  return {
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags,
    vars: config.vars,
    objectClasses: Object.fromEntries(config.durable_objects.bindings.map((each) => [each.name, each.class_name])),
    rateLimits: Object.fromEntries(config.ratelimits.map(({ name, ...limit }) => [name, limit])),
    r2Buckets: Object.fromEntries(config.r2_buckets.map((each) => [each.binding, each.bucket_name])),
    assetsBinding: config.assets.binding,
  };
}

/** The project's `wrangler.toml`. */
export function readWranglerConfig(): WranglerConfig {
  return parseWranglerConfig(readFileSync(new URL("../../wrangler.toml", import.meta.url), "utf8"));
}
