/** A viewer without a socket, as an embedded player is: it tells the room by beacons that it plays. */
import { SimulatedProcess } from "../kernel/process.ts";
import type { IsolateSlot } from "../media/edge-fleet.ts";
import type { MediaWorld } from "../media/media-world.ts";
import { createRoomToken } from "./room-tokens.ts";

/** Where the room says nothing of the next beacon. */
const DEFAULT_EVERY_MS = 10_000;

/** One viewer. */
export class BeaconViewer {
  readonly #world: MediaWorld;
  readonly #stream: string;
  readonly #subject: string | null;
  readonly #process: SimulatedProcess;
  readonly #slot: IsolateSlot;
  readonly #address: string;
  #device: string | null = null;
  #proof: string | null = null;

  /** `subject`: of its token; null: it has none. */
  constructor(world: MediaWorld, stream: string, number: number, subject: string | null) {
    this.#world = world;
    this.#stream = stream;
    this.#subject = subject;
    this.#slot = world.simulation.random.fork(`beacons ${number}`).pick(world.fleet.slots);
    this.#process = new SimulatedProcess(world.simulation, `viewer${9_000 + number}@${this.#slot.site}`, 1);
    this.#address = `10.90.${number}.1`;
  }

  /** Plays until it leaves. */
  async play(): Promise<void> {
    while (this.#process.isAlive) {
      const nextMs = await this.#sendBeacon();
      await new Promise<void>((resolve) => void this.#process.startTimer(nextMs, resolve));
    }
  }

  /** It goes away; the room hears nothing of it. */
  leave(): void {
    this.#process.end("vanishes");
  }

  async #sendBeacon(): Promise<number> {
    const body = JSON.stringify({ device: this.#device, playback: this.#proof });
    const headers = { ...this.#headers, "content-length": String(body.length) };
    const path = `/rooms/${this.#stream}/beacon`;
    try {
      const response = await this.#world.fleet.fetch(this.#process, this.#slot, {
        method: "POST",
        path,
        headers,
        body,
      });
      const { nextMs, counted, device } = JSON.parse(await response.text()) as Readonly<Record<string, unknown>>;
      if (typeof device === "string") this.#device = device;
      if (response.status === 200 && counted === false) await this.#requestProof();
      return typeof nextMs === "number" ? nextMs : DEFAULT_EVERY_MS;
    } catch (error) {
      this.#process.log(`no beacon: ${String(error)}`);
      return DEFAULT_EVERY_MS;
    }
  }

  async #requestProof(): Promise<void> {
    const path = `/live/${this.#stream}/multivariant.m3u8`;
    const response = await this.#world.fleet.fetch(this.#process, this.#slot, { path, headers: this.#headers });
    this.#proof = response.headers.get("corral-playback");
  }

  get #headers(): Readonly<Record<string, string>> {
    const nowMs = this.#world.simulation.clock.nowMs();
    const token =
      this.#subject === null
        ? null
        : createRoomToken({
            room: this.#stream,
            subject: this.#subject,
            roles: [],
            nowMs,
            lifetimeS: 600,
            isForged: false,
          });
    return {
      "cf-connecting-ip": this.#address,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    };
  }
}
