/** Memory of a Node process that its program still refers to, read through its inspector. */
import { DevtoolsConnection } from "../devtools-connection.ts";

/** Flag of Node that `openLiveMemory` needs. */
export const INSPECTOR_FLAG = "--inspect=127.0.0.1:0";

/** What a process uses after a full collection, bytes. */
export interface LiveMemory {
  readonly heapBytes: number;
  /** Buffers outside the heap. */
  readonly externalBytes: number;
}

/** A connection to the inspector of a process. */
export interface LiveMemoryReader {
  /** Collects garbage and reads. Throws if the process ends, or does not answer in time. */
  read(): Promise<LiveMemory>;
  close(): void;
}

/**
 * Opens the inspector of a process that was started with `INSPECTOR_FLAG` and has printed `output`. Throws if there is none, or
 * if it does not answer; `commandMs` is the time for each answer.
 */
export async function openLiveMemory(output: string, commandMs?: number): Promise<LiveMemoryReader> {
  const address = /Debugger listening on (ws:\S+)/.exec(output)?.[1];
  if (address === undefined) throw new Error("the process has no inspector");
  const connection = await DevtoolsConnection.open(address, commandMs);
  return {
    async read() {
      await connection.send("HeapProfiler.collectGarbage");
      const expression = "JSON.stringify(process.memoryUsage())";
      const { result } = (await connection.send("Runtime.evaluate", { expression })) as {
        readonly result?: { readonly value?: string };
      };
      const usage = JSON.parse(result?.value ?? "") as NodeJS.MemoryUsage;
      return { heapBytes: usage.heapUsed, externalBytes: usage.external };
    },
    close: () => connection.close(),
  };
}
