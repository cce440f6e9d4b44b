import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ConfigError } from "../../core/api/config.ts";
import { startEdge } from "./edge.ts";
import { parseWranglerConfig, readWranglerConfig } from "./wrangler-config.ts";

test("a local edge has the bindings of wrangler.toml", () => {
  const { objectClasses, rateLimits, r2Buckets, vars, compatibilityFlags } = readWranglerConfig();
  expect(objectClasses).toMatchObject({ LIVE: "Live", ROOM_SHARD: "RoomShard", REGISTRY: "Registry" });
  expect(rateLimits).toMatchObject({
    LIMIT_SECRETS: { simple: { limit: 60, period: 60 } },
    LIMIT_SOCKETS: { simple: { limit: 600, period: 60 } },
  });
  expect(r2Buckets).toEqual({ MEDIA: "corral-media" });
  expect(vars).toMatchObject({ CORRAL_ROOM_KEEP_HOURS: "24" });
  expect(compatibilityFlags).toContain("nodejs_compat");
});

test("a wrangler.toml without a required binding is an error", () => {
  expect(() => parseWranglerConfig('name = "corral"')).toThrow("compatibility_date");
});

test("an edge with an invalid variable does not start, and names the variable", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "corral-config-"));
  try {
    const started = startEdge({ port: 0, dataDir, bindings: { CORRAL_JOINS_PER_SECOND: "many" } });
    await expect(started).rejects.toThrow(ConfigError);
    await expect(startEdge({ port: 0, dataDir, adminToken: "short" })).rejects.toThrow("CORRAL_ADMIN_TOKEN");
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
