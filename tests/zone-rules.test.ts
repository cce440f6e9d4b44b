/** The zone rules in docs/cloudflare: Cloudflare's documented limits, and the needs of players, encoders and pages. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ALL_ADDRESSES } from "./support/route-table.ts";

interface Rule {
  readonly description: string;
  readonly expression: string;
  readonly action: string;
  readonly action_parameters?: { readonly cache?: boolean };
  readonly enabled?: boolean;
  readonly ratelimit?: {
    readonly characteristics: readonly string[];
    readonly counting_expression?: string;
    readonly period: number;
    readonly requests_per_period: number;
    readonly mitigation_timeout: number;
  };
}

function rulesOf(name: string): readonly Rule[] {
  const text = readFileSync(new URL(`../docs/cloudflare/${name}.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { rules: Rule[] }).rules;
}

const limits = rulesOf("rate-limits").map(({ ratelimit, ...rule }) => {
  if (ratelimit === undefined) throw new Error(`${rule.description} limits nothing`);
  return { ...rule, ratelimit };
});
const custom = rulesOf("custom-rules");
const cached = rulesOf("cache-rules");

test("every expression has balanced brackets, and every rule has a description", () => {
  for (const { description, expression, ratelimit } of [...limits, ...custom, ...cached] as Rule[]) {
    expect(description).toMatch(/^[A-Z]/);
    for (const text of [expression, ratelimit?.counting_expression ?? ""]) {
      const bare = text.replace(/"[^"]*"/g, "");
      expect(bare.split("(").length, text).toBe(bare.split(")").length);
      expect(text.split('"').length % 2, text).toBe(1);
    }
  }
});

test("rate limits fit the plans: counted by data centre and address, with existing periods", () => {
  const periods = [10, 60, 120, 300, 600, 3600];
  for (const { ratelimit, action } of limits) {
    expect(action).toBe("block");
    expect(ratelimit.characteristics).toEqual(["cf.colo.id", "ip.src"]);
    expect(periods).toContain(ratelimit.period);
    expect([...periods, 86_400]).toContain(ratelimit.mitigation_timeout);
  }
  const [free, pro, ...business] = limits;
  // The Free plan counts paths by 10 s, Pro by up to a minute; response codes are counted from Business on, which has five rules.
  expect([free?.ratelimit.period, free?.ratelimit.mitigation_timeout]).toEqual([10, 10]);
  for (const rule of [free, pro]) expect(rule?.ratelimit.counting_expression).toBeUndefined();
  expect(pro?.ratelimit.period).toBeLessThanOrEqual(60);
  expect(business).toHaveLength(3);
  expect(custom.length).toBeLessThanOrEqual(5);
});

test("fifty viewers behind one address stay below every limit", () => {
  const VIEWERS = 50;
  // Parts of 0.2 s, in two tracks, each with its playlist.
  const mediaPerSecond = 2 * 2 * (1 / 0.2);
  const [media, rooms, joins] = limits.map(({ ratelimit }) => ratelimit);
  expect(VIEWERS * mediaPerSecond * (media?.period ?? 0)).toBeLessThanOrEqual(media?.requests_per_period ?? 0);
  // A page polls the status every 12.5 s; all of them open a socket, send beacons and request replay windows of 10 s.
  const roomsPerMinute = 60 / 12.5 + 1 + 6 + 6;
  expect(VIEWERS * roomsPerMinute).toBeLessThanOrEqual(rooms?.requests_per_period ?? 0);
  // All of them reconnect ten times in a minute.
  expect(VIEWERS * 10).toBeLessThanOrEqual(joins?.requests_per_period ?? 0);
});

test("no route of the edge is blocked by its method or length, and programs' requests are never challenged", () => {
  const [skip, shape] = custom;
  expect(skip?.action).toBe("skip");
  for (const { path, methods } of ALL_ADDRESSES) {
    const isPage = /^\/(watch|embed|studio|golive|sign-in|player|problems|favicon|third|dev|$)/.test(path);
    const prefix = `/${path.split("/")[1]?.split("?")[0] ?? ""}`;
    if (!isPage) expect(skip?.expression, path).toMatch(new RegExp(`"${prefix}/?"`));
    for (const method of Object.keys(methods)) expect(shape?.expression).toContain(`"${method}"`);
    expect(path.length + 64 + 32).toBeLessThan(1024);
  }
  expect(custom.every(({ action }) => ["skip", "block"].includes(action))).toBe(true);
});

test("a cache in front stores only media without tokens and the pages' files, for the stated time", () => {
  const [first, ...kept] = cached;
  // The last rule that matches counts.
  expect([first?.expression, first?.action_parameters?.cache]).toEqual(["true", false]);
  expect(kept).toHaveLength(2);
  for (const { expression, action_parameters } of kept) {
    expect(expression).toMatch(/^starts_with\(http\.request\.uri\.path, "\/(live|assets)\/"\)/);
    expect(action_parameters).toMatchObject({ cache: true, edge_ttl: { mode: "bypass_by_default" } });
  }
  expect(kept[0]?.expression).toContain('"authorization"');
  expect(kept[0]?.expression).toContain('"token="');
});
