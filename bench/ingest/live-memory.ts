/** Memory of a Node process that its program still refers to, read through its inspector. */
import { once } from "node:events";

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
  /** Collects garbage and reads. */
  read(): Promise<LiveMemory>;
  close(): void;
}

interface InspectorAnswer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: string } };
}

/** Opens the inspector of a process that was started with `INSPECTOR_FLAG` and has printed `output`. */
export async function openLiveMemory(output: string): Promise<LiveMemoryReader> {
  const address = /Debugger listening on (ws:\S+)/.exec(output)?.[1];
  if (address === undefined) throw new Error("the process has no inspector");
  const socket = new WebSocket(address);
  await once(socket, "open");
  const waiting = new Map<number, (answer: InspectorAnswer) => void>();
  socket.addEventListener("message", ({ data }) => {
    const answer = JSON.parse(String(data)) as InspectorAnswer;
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  let last = 0;
  const call = (method: string, params: object = {}): Promise<InspectorAnswer> =>
    new Promise((resolve) => {
      last += 1;
      const id = last;
      waiting.set(id, (answer) => {
        waiting.delete(id);
        resolve(answer);
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  return {
    async read() {
      await call("HeapProfiler.collectGarbage");
      const expression = "JSON.stringify(process.memoryUsage())";
      const { result } = await call("Runtime.evaluate", { expression });
      const usage = JSON.parse(result?.result?.value ?? "") as NodeJS.MemoryUsage;
      return { heapBytes: usage.heapUsed, externalBytes: usage.external };
    },
    close: () => socket.close(),
  };
}
