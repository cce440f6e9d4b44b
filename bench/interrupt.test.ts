import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A process that exits with 130 at SIGINT, as Miniflare's does, and then measures by `work`. */
async function startMeasurement(work: string): Promise<ChildProcess> {
  const script = `import { withInterrupt } from ${JSON.stringify(new URL("./interrupt.ts", import.meta.url).href)};
process.on("SIGINT", () => process.exit(130));
setInterval(() => {}, 1000);
await withInterrupt(${work});
process.exit(process.listenerCount("SIGINT") === 1 ? 0 : 1);`;
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

test("SIGINT ends a measurement early, where another handler exits at once", async () => {
  const child = await startMeasurement(`(stop) => new Promise((resolve) => {
    stop.addEventListener("abort", resolve);
    console.log("measuring");
  })`);
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("a second SIGINT is the other handlers'", async () => {
  const child = await startMeasurement(`(stop) => new Promise(() => {
    stop.addEventListener("abort", () => console.log("ending"));
    console.log("measuring");
  })`);
  child.kill("SIGINT");
  await once(child.stdout as NonNullable<typeof child.stdout>, "data");
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
});
