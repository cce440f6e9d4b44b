/** The heap of a Worker's isolate, from workerd's inspector. */

/** A message of the inspector protocol, as far as it is used. */
interface InspectorMessage {
  readonly id?: number;
  readonly result?: { readonly usedSize?: number };
}

/** An isolate handles inspector requests only while it runs: it is woken this often. */
const WAKE_EVERY_MS = 100;

/** Used bytes after a garbage collection; `wake` makes the isolate run. Rejects if the inspector disconnects. */
export async function heapBytes(port: number, worker: string, wake: () => Promise<unknown>): Promise<number> {
  const listed = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as readonly {
    readonly title?: string;
    readonly id?: string;
    readonly webSocketDebuggerUrl: string;
  }[];
  const target = listed.find(({ webSocketDebuggerUrl }) => webSocketDebuggerUrl.endsWith(`:${worker}`));
  if (target === undefined) throw new Error(`the inspector doesn't know the Worker ${worker}`);
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  const waking = setInterval(() => void wake(), WAKE_EVERY_MS);
  try {
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    await callInspector(socket, 1, "HeapProfiler.collectGarbage");
    return (await callInspector(socket, 2, "Runtime.getHeapUsage")).result?.usedSize ?? 0;
  } finally {
    clearInterval(waking);
    socket.close();
  }
}

function callInspector(socket: WebSocket, id: number, method: string): Promise<InspectorMessage> {
  return new Promise((resolve, reject) => {
    socket.onclose = () => reject(new Error("the inspector went away"));
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(String(data)) as InspectorMessage;
      if (answer.id === id) resolve(answer);
    };
    socket.send(JSON.stringify({ id, method }));
  });
}
