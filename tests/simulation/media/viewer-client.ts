/** How a viewer reaches its data centre: requests to one isolate, and to another one after a failure. */
import { SimulatedHeaders, type SimulatedResponse } from "../kernel/fetch-types.ts";
import type { IsolateSlot, StreamedAnswer } from "./edge-fleet.ts";
import type { ViewerAnswer } from "./player-host.ts";
import type { ViewerWorld, Watcher } from "./watcher.ts";

const REQUEST_TIMEOUT_MS = 15_000;
const NO_BYTES = new Uint8Array(0);

/** Whose client it is. */
export interface ViewerIdentity {
  readonly number: number;
  readonly site: string;
  /** Sent with each request, or null. */
  readonly token: string | null;
}

/** The client of one viewer. */
export class ViewerClient {
  readonly #world: ViewerWorld;
  readonly #viewer: Watcher;
  readonly #site: string;
  readonly #headers: SimulatedHeaders;
  #slot: IsolateSlot;

  constructor(world: ViewerWorld, viewer: Watcher, { number, site, token }: ViewerIdentity) {
    this.#world = world;
    this.#viewer = viewer;
    this.#site = site;
    this.#headers = new SimulatedHeaders({ "cf-connecting-ip": `10.${number >> 8}.${number & 255}.1` });
    if (token !== null) this.#headers.set("authorization", `Bearer ${token}`);
    this.#slot = viewer.process.random.pick(world.fleet.slotsAt(site));
  }

  /** Waits; never comes back where the viewer has gone. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#viewer.process.startTimer(ms, resolve));
  }

  /** The next connection may lead to another isolate of the data centre. */
  reconnect(): void {
    this.#slot = this.#viewer.process.random.pick(this.#world.fleet.slotsAt(this.#site));
  }

  /** Requests a path from its isolate. Never rejects. */
  async get(path: string): Promise<ViewerAnswer> {
    const slot = this.#slot;
    try {
      const response = await this.#timed(this.#fetch(slot, path));
      if (response === "late") return this.#failed(path, "no answer");
      const bytes = response.heldBytes ?? (await this.#timed(response.bytes()));
      if (bytes === "late") return this.#failed(path, "no body");
      this.#note(path, response.status, bytes.byteLength);
      this.#world.answered(this.#viewer, path, response.status);
      const retryAfter = response.headers.get("retry-after");
      return {
        status: response.status,
        bytes,
        retryAfterS: retryAfter === null ? null : Number(retryAfter),
        isolate: slot.lifeName,
      };
    } catch (error) {
      return this.#failed(path, String(error));
    }
  }

  /** Requests a path whose answer is a body without an end; null where no answer came. Never rejects. */
  async open(path: string, windowBytes: number): Promise<SimulatedResponse | null> {
    const onSent = (bytes: Uint8Array): void => {
      if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes("moof"))
        this.#world.flowed(this.#viewer, path);
    };
    try {
      const response = await this.#timed(this.#fetch(this.#slot, path, { windowBytes, onSent }));
      if (response !== "late") {
        this.#note(path, response.status, 0);
        return response;
      }
      this.#failed(path, "no answer");
    } catch (error) {
      this.#failed(path, String(error));
    }
    return null;
  }

  /** Notes bytes that came. */
  note(path: string, bytes: number): void {
    this.#note(path, 200, bytes);
  }

  #note(path: string, status: number, bytes: number): void {
    const { simulation } = this.#world;
    simulation.trace.addAnswer(simulation.nowMs, this.#viewer.process.name, path, status, bytes);
  }

  #fetch(slot: IsolateSlot, path: string, streamed?: StreamedAnswer): Promise<SimulatedResponse> {
    return this.#world.fleet.fetch(this.#viewer.process, slot, { path, streamed, headers: this.#headers });
  }

  #failed(path: string, why: string): ViewerAnswer {
    this.#viewer.process.log(`${path}: ${why}`);
    this.reconnect();
    return { status: 0, bytes: NO_BYTES, retryAfterS: null, isolate: "" };
  }

  #timed<T>(work: Promise<T>): Promise<T | "late"> {
    return new Promise((resolve, reject) => {
      const cancel = this.#viewer.process.startTimer(REQUEST_TIMEOUT_MS, () => resolve("late"));
      work.then(
        (value) => {
          cancel();
          resolve(value);
        },
        (error: unknown) => {
          cancel();
          reject(error);
        },
      );
    });
  }
}
