/** Ports for servers in tests. */
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports that systems give to connections and to servers which take any: between the choice of a port and the
 * server's start another process could get one of those.
 */
const FIRST_PORT = 20_000;
const PORTS = 12_000;
/** Processes that run at once begin far from each other. */
let next = (process.pid * 101) % PORTS;

/** A free port of this machine, another one each time. Throws if there is none. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS; tries += 1) {
    const port = FIRST_PORT + next;
    next = (next + 1) % PORTS;
    if (await isFree(port)) return port;
  }
  throw new Error("This machine has no free port.");
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, "127.0.0.1");
    await once(probe, "listening");
  } catch {
    return false;
  }
  probe.close();
  await once(probe, "close");
  return true;
}
