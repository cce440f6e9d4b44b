import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { OBJECT_CLASSES } from "./edge.ts";
import { LOCAL_RATE_LIMITS } from "./rate-limits.ts";

const toml = readFileSync(new URL("../../wrangler.toml", import.meta.url), "utf8");

test("the edge on this machine has the objects and the rate limits of a deployment", () => {
  const objects = [...toml.matchAll(/^name = "(\w+)"\nclass_name = "(\w+)"$/gm)].map(([, name, type]) => [name, type]);
  expect(Object.fromEntries(objects)).toEqual(OBJECT_CLASSES);
  const limits = [
    ...toml.matchAll(/^name = "(LIMIT_\w+)"\nnamespace_id = "\d+"\nsimple = \{ limit = (\d+), period = 60 \}$/gm),
  ];
  expect(Object.fromEntries(limits.map(([, name, limit]) => [name, Number(limit)]))).toEqual(LOCAL_RATE_LIMITS);
});
