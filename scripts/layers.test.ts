import { expect, test } from "vitest";
import { findLayerCrossings } from "./layers.ts";

test("every layer may import core/ and itself", () => {
  expect(
    findLayerCrossings("origin/a.ts", 'import { x } from "../core/kit/ids.ts";\nimport { y } from "./b.ts";'),
  ).toEqual([]);
});

test("an import of another layer is named with both files, also a dynamic one and one over several lines", () => {
  expect(findLayerCrossings("origin/a.ts", 'import {\n  x,\n} from "../workers/app.ts";')).toHaveLength(1);
  expect(findLayerCrossings("web/src/a.ts", 'const m = await import("../../origin/main.ts");')).toEqual([
    "web/src/a.ts imports origin/main.ts: web/ may import core/ and itself only",
  ]);
});

test("core/ imports no layer at all, not even types", () => {
  expect(findLayerCrossings("core/a.ts", 'import type { X } from "../workers/env.ts";')).toHaveLength(1);
});

test("a Worker may know a Durable Object's type, but only its entry may load the class", () => {
  const path = "../durable-objects/live/live.ts";
  expect(findLayerCrossings("workers/env.ts", `import type { Live } from "${path}";`)).toEqual([]);
  expect(findLayerCrossings("workers/env.ts", `import { Live } from "${path}";`)).toHaveLength(1);
  expect(findLayerCrossings("workers/index.ts", `export { Live } from "${path}";`)).toEqual([]);
});
