/**
 * Durable Objects: namespaces by name, stubs with RPC and `fetch`, one instance at a time, alarms. An instance is a process
 * of its own; it ends by eviction, crash or deploy, and the next call makes another one from what is stored.
 */
import type { Network } from "./network.ts";
import { ObjectStorage, type StorageOwner } from "./object-storage.ts";
import { createStub, DurableObject } from "./object-stubs.ts";
import { ConnectionLostError, SimulatedProcess } from "./process.ts";
import type { ProductCode } from "./product-code.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { Simulation } from "./simulation.ts";
import type { SimulatedRequestResponsePair, SimulatedWebSocket, SocketHost } from "./web-sockets.ts";

/** A class of objects. */
export interface ObjectClass {
  /** Of its namespace in environments, such as `LIVE`. */
  readonly binding: string;
  /** The part of the product that exports it. */
  readonly part: string;
  readonly exportName: string;
  /** The bindings of an instance; what it sends by them waits for its writes. */
  environment(owner: ObjectContext): object;
  /** The place in the network of the object with this name; `hint` is the caller's location hint. */
  placeOf(name: string, hint: string | undefined): string;
}

/** What bindings of an instance are made for. */
export interface ObjectContext {
  readonly process: SimulatedProcess;
  /** Sends only what may be known outside: waits for writes that are not confirmed. */
  readonly gate: () => Promise<void> | null;
}

/** Time until writes are confirmed, milliseconds. */
export interface ConfirmDelay {
  minMs: number;
  maxMs: number;
}

/** How an instance ends. */
export type InstanceEnd = "evicted" | "crashed";

/** An alarm handler that failed is repeated after this. */
const ALARM_RETRY_MS = 2_000;
/** How often it is looked whether an object is idle that is to be evicted. */
const IDLE_LOOK_MS = 7;
/** An alarm rings up to this much late. */
const ALARM_LATE_MS = 500;

type Method = (...args: readonly unknown[]) => unknown;

interface Instance {
  readonly process: SimulatedProcess;
  readonly object: object;
  /** Events wait for this. */
  ready: Promise<void>;
  /** Events and work in `waitUntil` that have not ended. */
  work: number;
}

/** The platform of all objects of a run. */
export class DurableObjects {
  readonly #simulation: Simulation;
  readonly #network: Network;
  readonly #classes = new Map<string, ObjectClass>();
  readonly #objects = new Map<string, HostedObject>();
  code: ProductCode;
  readonly confirmDelay: ConfirmDelay = { minMs: 1, maxMs: 12 };
  readonly random: SeededRandom;
  /** Wall clocks of instances that begin are ahead by this. */
  clockOffsetOf: (place: string) => number = () => 0;

  constructor(simulation: Simulation, network: Network, code: ProductCode) {
    this.#simulation = simulation;
    this.#network = network;
    this.code = code;
    this.random = simulation.random.fork("objects");
  }

  get simulation(): Simulation {
    return this.#simulation;
  }

  get network(): Network {
    return this.#network;
  }

  /** Adds a class. */
  define(objectClass: ObjectClass): void {
    this.#classes.set(objectClass.binding, objectClass);
  }

  /** The namespace of a class as a process is bound to it. `gate`: of the calling object. */
  namespace(binding: string, caller: SimulatedProcess, gate: ObjectContext["gate"] = () => null): object {
    const getByName = (name: string, options: { readonly locationHint?: string } = {}): object =>
      createStub(this.#network, caller, this.find(binding, name, options.locationHint), gate);
    return {
      getByName,
      idFromName: (name: string) => ({ name, toString: () => name }),
      get: (id: { readonly name: string }, options?: { readonly locationHint?: string }) => getByName(id.name, options),
      // Names begin with their jurisdiction, so that one space of names holds all of them.
      jurisdiction: () => ({ getByName }),
    };
  }

  /** The object of a name; it has an instance once it is called. */
  find(binding: string, name: string, hint?: string): HostedObject {
    const key = `${binding} ${name}`;
    const known = this.#objects.get(key);
    if (known !== undefined) return known;
    const objectClass = this.#classes.get(binding);
    if (objectClass === undefined) throw new Error(`no class is bound as ${binding}`);
    const made = new HostedObject(this, objectClass, name, objectClass.placeOf(name, hint));
    this.#objects.set(key, made);
    return made;
  }

  /** All objects that were ever called. */
  get all(): readonly HostedObject[] {
    return [...this.#objects.values()];
  }

  /** Ends every instance at once, as a deploy does. */
  endAll(how: InstanceEnd): void {
    for (const object of this.all) object.end(how, "deploy");
  }

  /** Releases the storage of all objects, after a run. */
  close(): void {
    for (const object of this.all) object.storage.close();
  }
}

/** One object over its lives. */
export class HostedObject implements StorageOwner, SocketHost {
  readonly name: string;
  readonly place: string;
  readonly binding: string;
  readonly storage: ObjectStorage;
  readonly #objects: DurableObjects;
  readonly #class: ObjectClass;
  #instance: Instance | null = null;
  #lives = 0;
  /** When instances ended, in virtual time. */
  readonly endsMs: number[] = [];
  #cancelAlarm: (() => void) | null = null;
  #crashAfterWrite: { readonly delayMs: number } | null = null;
  /** They outlive evictions, and no crash. */
  readonly #sockets = new Set<SimulatedWebSocket>();
  #autoResponse: SimulatedRequestResponsePair | null = null;

  constructor(objects: DurableObjects, objectClass: ObjectClass, name: string, place: string) {
    this.#objects = objects;
    this.#class = objectClass;
    this.name = name;
    this.place = place;
    this.binding = objectClass.binding;
    this.storage = new ObjectStorage(this);
  }

  get simulation(): Simulation {
    return this.#objects.simulation;
  }

  /** Instances so far. */
  get lives(): number {
    return this.#lives;
  }

  /** The instance's object and process, or null: for checkers. */
  get instance(): { readonly object: object; readonly process: SimulatedProcess } | null {
    return this.#instance;
  }

  confirmDelayMs(): number {
    const { minMs, maxMs } = this.#objects.confirmDelay;
    return this.#objects.random.integer(minMs, maxMs);
  }

  onWrite(): void {
    const crash = this.#crashAfterWrite;
    if (crash === null) return;
    this.#crashAfterWrite = null;
    this.simulation.after(crash.delayMs, () => this.end("crashed", "crash after a write"));
  }

  onAlarm(atMs: number | null): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = atMs === null ? null : this.#scheduleAlarm(atMs);
  }

  /** The next write is followed by a crash, `delayMs` later: before or after it is confirmed, and before its answer leaves. */
  crashAfterNextWrite(delayMs: number): void {
    this.#crashAfterWrite = { delayMs };
  }

  /** Ends the instance: all of its memory goes. */
  end(how: InstanceEnd, why: string): void {
    const instance = this.#instance;
    if (instance === null) return;
    this.#instance = null;
    this.endsMs.push(this.simulation.nowMs);
    this.storage.endInstance(how);
    instance.process.end(`${how}: ${why}`);
    if (how !== "crashed") return;
    for (const socket of this.#sockets) socket.dropByServer();
    this.#sockets.clear();
  }

  /** Whether nothing is under way in the instance, so that the platform may evict it. */
  get isIdle(): boolean {
    const instance = this.#instance;
    if (instance === null) return false;
    const { process, work } = instance;
    return work === 0 && process.pendingTimers === 0 && this.#objects.network.countCalls(process) === 0;
  }

  /** Evicts the instance in its first idle moment within a time. */
  evictWhenIdle(withinMs: number): void {
    if (this.isIdle) this.end("evicted", "idle");
    else if (withinMs > 0 && this.#instance !== null)
      this.simulation.after(IDLE_LOOK_MS, () => this.evictWhenIdle(withinMs - IDLE_LOOK_MS));
  }

  /** Sockets that are open. */
  get sockets(): ReadonlySet<SimulatedWebSocket> {
    return this.#sockets;
  }

  gate(): Promise<void> | null {
    return this.storage.confirmed();
  }

  onSocketMessage(socket: SimulatedWebSocket, text: string): void {
    if (text !== this.#autoResponse?.request) {
      void this.#handleEvent("webSocketMessage", [socket, text]);
      return;
    }
    socket.answeredMs = this.simulation.clock.nowMs();
    if (socket.isLive) socket.sendFromServer({ kind: "message", text: this.#autoResponse.response });
  }

  onSocketClose(socket: SimulatedWebSocket, code: number, reason: string, isError: boolean): void {
    if (!this.#sockets.delete(socket)) return;
    if (isError) void this.#handleEvent("webSocketError", [socket, new Error("the connection was reset")]);
    else void this.#handleEvent("webSocketClose", [socket, code, reason, code !== 1006]);
  }

  async #handleEvent(method: string, args: readonly unknown[]): Promise<void> {
    const process = this.receiver();
    try {
      await this.invoke(process, method, args);
    } catch (error) {
      if (process.isAlive) process.log(`${method} failed: ${String(error)}`);
    }
  }

  /** The process that calls arrive at; it begins with the first of them. */
  receiver(): SimulatedProcess {
    return (this.#instance ?? this.#start()).process;
  }

  /** Runs a call on the instance of `receiver`, once it is ready. */
  async invoke(receiver: SimulatedProcess, method: string, args: readonly unknown[]): Promise<unknown> {
    const instance = this.#instance;
    if (instance?.process !== receiver) throw new ConnectionLostError(`${this.place} has restarted`);
    instance.work += 1;
    try {
      await instance.ready;
      if (!receiver.isAlive) throw new ConnectionLostError(`${this.place} has ended`);
      const found = (instance.object as Record<string, unknown>)[method];
      if (typeof found !== "function") throw new TypeError(`${this.binding} has no method ${method}`);
      return await (found as Method).apply(instance.object, [...args]);
    } finally {
      instance.work -= 1;
    }
  }

  #start(): Instance {
    this.#lives += 1;
    const process = new SimulatedProcess(this.simulation, this.place, this.#lives);
    process.clockOffsetMs = this.#objects.clockOffsetOf(this.place);
    process.log("begins");
    const instance = { process, object: {}, ready: Promise.resolve(), work: 0 };
    this.#instance = instance;
    try {
      instance.object = this.#construct(process, instance);
    } catch (error) {
      this.end("crashed", `its constructor threw ${String(error)}`);
    }
    return instance;
  }

  #construct(process: SimulatedProcess, instance: Instance): object {
    const { part, exportName } = this.#class;
    const exports = this.#objects.code.evaluate<Record<string, unknown>>(part, process, {
      modules: { "cloudflare:workers": { DurableObject } },
    });
    const Class = exports[exportName] as new (ctx: object, env: object) => object;
    const context: ObjectContext = { process, gate: () => this.storage.confirmed() };
    return new Class(this.#createState(instance), this.#class.environment(context));
  }

  #createState(instance: Instance): object {
    return {
      id: { name: this.name, toString: () => this.name },
      storage: this.storage.createHandle(),
      waitUntil: (work: Promise<unknown>) => {
        instance.work += 1;
        const done = (): void => {
          instance.work -= 1;
        };
        work.then(done, done);
      },
      blockConcurrencyWhile: <T>(work: () => Promise<T>): Promise<T> => {
        const done = instance.ready.then(work);
        instance.ready = done.then(
          () => {},
          (error) => this.end("crashed", `blockConcurrencyWhile threw ${String(error)}`),
        );
        return done;
      },
      abort: (reason: unknown) => this.end("crashed", String(reason)),
      acceptWebSocket: (socket: SimulatedWebSocket) => {
        this.#sockets.add(socket);
        socket.acceptBy(this);
      },
      getWebSockets: () => [...this.#sockets],
      setWebSocketAutoResponse: (pair: SimulatedRequestResponsePair) => {
        this.#autoResponse = pair;
      },
      getWebSocketAutoResponseTimestamp: ({ answeredMs }: SimulatedWebSocket): Date | null =>
        answeredMs === null ? null : new Date(answeredMs + instance.process.clockOffsetMs),
    };
  }

  #scheduleAlarm(atMs: number): () => void {
    // The platform rings by its own clock.
    const delayMs = Math.max(0, atMs - this.simulation.clock.nowMs()) + this.#objects.random.integer(0, ALARM_LATE_MS);
    return this.simulation.after(delayMs, () => void this.#ring());
  }

  async #ring(): Promise<void> {
    this.#cancelAlarm = null;
    const process = this.receiver();
    process.log("alarm");
    this.storage.clearRungAlarm();
    const again = (): void => {
      if (this.storage.confirmedAlarmMs !== null) return;
      this.#cancelAlarm?.();
      this.#cancelAlarm = this.simulation.after(ALARM_RETRY_MS, () => void this.#ring());
    };
    const withdraw = process.onEnd(again);
    try {
      await this.invoke(process, "alarm", []);
      await this.storage.confirmed();
      withdraw();
    } catch (error) {
      process.log(`alarm failed: ${String(error)}`);
      withdraw();
      if (process.isAlive) again();
    }
  }
}
