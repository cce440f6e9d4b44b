import { expect, test } from "vitest";
import { neighborStream } from "./neighbor-stream.ts";

test("neighbours follow the directory's order, around its ends", () => {
  expect(neighborStream(["a", "b", "c"], "b", 1)).toBe("c");
  expect(neighborStream(["a", "b", "c"], "c", 1)).toBe("a");
  expect(neighborStream(["a", "b", "c"], "a", -1)).toBe("c");
});

test("a stream that is not listed goes to the first or the last, and the only one goes nowhere", () => {
  expect(neighborStream(["a", "b"], "gated", 1)).toBe("a");
  expect(neighborStream(["a", "b"], "gated", -1)).toBe("b");
  expect(neighborStream(["a"], "a", 1)).toBeNull();
  expect(neighborStream([], "a", -1)).toBeNull();
});
