import { expect, test, vi } from "vitest";
import { systemPlatform } from "./system-platform.ts";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("ids are random UUIDs, also where a browser's page is no secure context", () => {
  expect(systemPlatform.newId()).toMatch(UUID_V4);
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  try {
    const ids = Array.from({ length: 200 }, () => systemPlatform.newId());
    expect(ids.filter((id) => !UUID_V4.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  } finally {
    vi.unstubAllGlobals();
  }
});
