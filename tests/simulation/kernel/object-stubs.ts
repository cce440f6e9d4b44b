/** What processes call objects by: RPC of copies, and `fetch`; and the class that objects extend. */
import { cloneMessage } from "./clone-message.ts";
import { SimulatedRequest, type SimulatedRequestInit, SimulatedResponse } from "./fetch-types.ts";
import type { Network } from "./network.ts";
import type { SimulatedProcess } from "./process.ts";

/** An object as its stubs call it. */
export interface StubTarget {
  readonly place: string;
  receiver(): SimulatedProcess;
  invoke(receiver: SimulatedProcess, method: string, args: readonly unknown[]): Promise<unknown>;
  /** A promise of the confirmation of its writes, or null. */
  gate(): Promise<void> | null;
}

/** The base class that the platform gives objects. */
export class DurableObject {
  readonly ctx: object;
  readonly env: object;

  constructor(ctx: object, env: object) {
    this.ctx = ctx;
    this.env = env;
  }
}

/** A call by its name, and by what of its arguments is short. */
const describeCall = (method: string, args: readonly unknown[]): string =>
  [method, ...args.filter((arg) => typeof arg === "number" || (typeof arg === "string" && arg.length < 40))].join(" ");

/** The stub of an object for a process; what it sends waits for `gate`, and answers for the object's writes. */
export function createStub(
  network: Network,
  caller: SimulatedProcess,
  target: StubTarget,
  gate: () => Promise<void> | null,
): object {
  const answerGate = (): Promise<void> | null => target.gate();
  const call = async (method: string, args: readonly unknown[]): Promise<unknown> => {
    await gate();
    const sent = args.map(cloneMessage);
    const serve = async (receiver: SimulatedProcess): Promise<unknown> =>
      cloneMessage(await target.invoke(receiver, method, sent));
    return network.request(caller, target, describeCall(method, args), serve, { gate: answerGate });
  };
  const fetch = async (input: string | SimulatedRequest, init?: SimulatedRequestInit): Promise<SimulatedResponse> => {
    await gate();
    const sent = new SimulatedRequest(input, init);
    const serve = async (receiver: SimulatedProcess): Promise<SimulatedResponse> => {
      const response = (await target.invoke(receiver, "fetch", [sent])) as SimulatedResponse;
      if (response.heldBytes !== null || response.body === null) return response;
      const body = network.carryStream(receiver, caller, response.body, answerGate);
      return new SimulatedResponse(body, { status: response.status, headers: response.headers });
    };
    return network.request(caller, target, describeFetch(sent), serve, { gate: answerGate });
  };
  return new Proxy(
    {},
    {
      get: (_, property) => {
        // A stub is no promise, though it has methods of every other name.
        if (typeof property !== "string" || property === "then") return undefined;
        if (property === "fetch") return fetch;
        return (...args: readonly unknown[]) => call(property, args);
      },
    },
  );
}

const describeFetch = ({ url }: SimulatedRequest): string => `fetch ${url.replace(/^https?:\/\/[^/]*/, "")}`;
