import { expect, test } from "vitest";
import { PROBLEM_NAMES } from "../../core/api/problem-names.ts";
import { OpenApiChecker } from "../../tests/support/openapi-check.ts";
import { ALL_ADDRESSES, LIVE_ADDRESSES, ROUTES } from "../../tests/support/route-table.ts";
import { testEdge } from "../testing.ts";
import type { OpenApiDocument } from "./openapi.ts";

interface Operation {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
}

const load = async (): Promise<OpenApiDocument> => (await testEdge.ask("/openapi.json")).json();

test("GET /openapi.json documents every operation of every route that is no page", async () => {
  const { paths } = await load();
  const rows = [
    ...Object.entries(ROUTES).filter(
      ([path, rows]) => !path.endsWith("*") && rows.every(({ isUnknown }) => !isUnknown),
    ),
    ...LIVE_ADDRESSES.map((row): [string, (typeof LIVE_ADDRESSES)[number][]] => [
      row.path.split("/").length < 6
        ? row.path.replaceAll(/\{([a-z]+)\}/g, ":$1")
        : "/live/:stream/:broadcast/:track/:file",
      [row],
    ]),
  ];
  const operations = rows.flatMap(([path, addresses]) =>
    addresses.flatMap(({ methods }) =>
      Object.keys(methods).map((method) => `${method.toLowerCase()} ${path.replaceAll(/:([a-z]+)/g, "{$1}")}`),
    ),
  );
  const documented = Object.entries(paths).flatMap(([path, each]) =>
    Object.keys(each).map((method) => `${method} ${path}`),
  );
  expect(documented.sort()).toEqual([...new Set(operations)].sort());
});

test("security is optional where anybody is answered without a token, and required everywhere else", async () => {
  const { paths } = await load();
  const operationOf = (path: string, method: string): Operation | undefined => {
    const found = Object.entries(paths).find(([pattern]) =>
      new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path),
    );
    return found?.[1][method.toLowerCase()] as Operation | undefined;
  };
  const wrong = ALL_ADDRESSES.flatMap(({ path, methods }) =>
    Object.entries(methods).flatMap(([method, { policy }]) => {
      const operation = operationOf(path.replace(/\?.*$/, ""), method);
      if (operation === undefined) return [];
      const isOptional = operation.security?.some((each) => Object.keys(each).length === 0) ?? true;
      return isOptional === !policy.public.nobody.startsWith("401") ? [] : [`${method} ${path}`];
    }),
  );
  expect(wrong).toEqual([]);
});

test("each operation lists its problem types, and every type except the pages' belongs to an operation", async () => {
  const text = JSON.stringify(await load());
  const lacking = PROBLEM_NAMES.filter((name) => !text.includes(`"/problems/${name}"`));
  expect(lacking).toEqual(["method-not-allowed"]);
});

test("limits of requests are part of the document", async () => {
  const { components } = await load();
  expect(components.schemas["ExpectedAudienceBody"]).toMatchObject({
    additionalProperties: false,
    properties: { viewers: { type: "integer", minimum: 0, maximum: 10_000_000 } },
    required: ["viewers"],
  });
  expect(components.schemas["DevTokenBody"]).toMatchObject({ required: ["room", "sub"] });
});

test("a response that the document does not describe is detected", async () => {
  const checker = new OpenApiChecker(await load());
  const judge = (path: string, method: string, answer: Response): Promise<string | null> =>
    checker.complaint({ path, method, answer });
  const problem = (body: object, status = 404): Response =>
    Response.json(body, { status, headers: { "content-type": "application/problem+json" } });
  const good = { type: "/problems/not-found", title: "Not found", detail: "Nothing.", status: 404 };
  expect(await judge("/api/streams/demo", "GET", problem(good))).toBeNull();
  expect(await judge("/api/streams/demo", "GET", problem({ ...good, type: "/problems/key-wrong" }))).toContain("fit");
  expect(await judge("/api/streams/demo", "GET", problem({ ...good, title: "" }))).toContain("fit");
  expect(await judge("/api/streams/demo", "GET", new Response("", { status: 418 }))).toContain("status");
  expect(await judge("/api/streams/demo", "GET", Response.json({ stream: "demo" }))).toContain("fit");
  expect(await judge("/api/streams/demo", "GET", new Response("<html>"))).toContain("media type");
  expect(await judge("/api/streams/demo", "POST", Response.json({}))).toContain("operation");
  expect(await judge("/api/nope", "GET", Response.json({}))).toContain("operation");
  expect(await judge("/watch/demo", "GET", new Response("<html>"))).toBeNull();
});
