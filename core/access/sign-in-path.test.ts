import fc from "fast-check";
import { expect, test } from "vitest";
import type { StreamName } from "../kit/ids.ts";
import {
  parseSignInPath,
  SIGN_IN_CALLBACK_PATH,
  SIGN_IN_LINK_PATH,
  signInPath,
  signInStepPath,
  targetPath,
} from "./sign-in-path.ts";

test("a page's sign-in has an address that is parsed to it", () => {
  for (const page of ["watch", "studio"] as const) {
    const target = { page, stream: "show-1" as StreamName };
    expect(parseSignInPath(signInPath(target))).toEqual({ kind: "choice", ...target });
    for (const step of ["provider", "mail"] as const) {
      expect(parseSignInPath(signInStepPath(target, step))).toEqual({ kind: step, ...target });
    }
  }
  expect(parseSignInPath(SIGN_IN_CALLBACK_PATH)).toEqual({ kind: "callback" });
  expect(parseSignInPath(SIGN_IN_LINK_PATH)).toEqual({ kind: "link" });
});

test("no address leads to another site or to another page of this one", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.webUrl(),
    fc.webPath(),
    fc.constantFrom(
      "//evil.example",
      "/\\evil.example",
      "..",
      "%2e%2e",
      "show?x",
      "show#x",
      "show/../../x",
      "SHOW",
      "@e",
    ),
  );
  fc.assert(
    fc.property(fc.constantFrom("watch", "studio", "embed", "golive", ""), hostile, (page, name) => {
      const route = parseSignInPath(`/sign-in/${page}/${name}`);
      if (route === null || !("stream" in route)) return;
      const url = new URL(targetPath(route), "https://live.example.com");
      expect(url.href).toMatch(/^https:\/\/live\.example\.com\/(watch|studio)\/[a-z0-9][a-z0-9_-]{0,63}$/);
    }),
  );
});
