/** The configuration of one deployment: `wrangler.toml` with its name, domain and bucket, written outside the checkout. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "smol-toml";
import { z } from "zod";
import { bucketOf, type SetupChoices } from "./setup-plan.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const WranglerFile = z.looseObject({
  main: z.string(),
  assets: z.looseObject({ directory: z.string() }),
  r2_buckets: z.tuple([z.looseObject({ bucket_name: z.string() })]),
});

/** Writes the configuration into `folder`; returns its path. `pages` is the folder of the built pages. */
export function writeDeployConfig(folder: string, pages: string, { name, domain }: SetupChoices): string {
  const file = WranglerFile.parse(parse(readFileSync(join(ROOT, "wrangler.toml"), "utf8")));
  const [bucket] = file.r2_buckets;
  // Zone rules do not apply to workers.dev and to previews, which would be a way around them.
  const place =
    domain === null
      ? { workers_dev: true }
      : { routes: [{ pattern: domain, custom_domain: true }], workers_dev: false, preview_urls: false };
  const config = {
    ...file,
    name,
    main: resolve(ROOT, file.main),
    ...place,
    assets: { ...file.assets, directory: pages },
    r2_buckets: [{ ...bucket, bucket_name: bucketOf(name) }],
  };
  const path = join(folder, "wrangler.toml");
  writeFileSync(path, stringify(config));
  return path;
}
