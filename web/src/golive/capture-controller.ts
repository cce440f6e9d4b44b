/** Joins the page's devices, its worker and its view. */
import type { CaptureRendition } from "../../../core/ingest/capture/capture-ladder.ts";
import { PUBLISHER_HEADER } from "../../../core/ingest/publish-api.ts";
import type { Platform } from "../../../core/kit/clock.ts";
import type { BroadcastId, StreamName } from "../../../core/kit/ids.ts";
import { chooseAudioFormat, detectCaptureMode, probeLadder } from "./capabilities.ts";
import {
  type DeviceChoice,
  DeviceError,
  type DeviceList,
  listDevices,
  type OpenDevices,
  openDevices,
} from "./capture-devices.ts";
import {
  type CaptureMode,
  type GoLiveEvent,
  type GoLiveProblem,
  type GoLiveView,
  initialGoLiveView,
  isOnAir,
  type PictureSource,
  reduceGoLiveView,
} from "./golive-view.ts";
import { keepScreenAwake } from "./keep-awake.ts";
import { checkPageKey, issueLocalKey, loadPageKey, storePageKey } from "./page-key.ts";
import { SoundGraph } from "./sound-graph.ts";
import { feedPictures } from "./video-feed.ts";
import { WhipClient } from "./whip-client.ts";
import type { WhipEvent } from "./whip-refusal.ts";
import type { AudioFormat, StartCommand, WorkerCommand, WorkerEvent } from "./worker/messages.ts";

/** What the controller needs of the page. */
export interface GoLiveOptions {
  readonly stream: StreamName;
  readonly platform: Platform;
  readonly preview: HTMLVideoElement;
  readonly workerUrl: string;
  readonly workletUrl: string;
  /** The edge's clock minus this machine's, milliseconds. */
  readonly clockOffsetMs: () => number;
  readonly onChange: () => void;
}

/** The controller of one page. */
export class CaptureController {
  readonly #options: GoLiveOptions;
  readonly #publisher: string;
  readonly #worker: Worker;
  #view: GoLiveView = initialGoLiveView(true);
  #mode: CaptureMode = "none";
  #key: string | null = null;
  #choice: DeviceChoice = { source: "camera", cameraId: "", microphoneId: "" };
  #devices: OpenDevices | null = null;
  #list: DeviceList = { cameras: [], microphones: [] };
  #sound: SoundGraph | null = null;
  #ladder: readonly CaptureRendition[] = [];
  #audio: AudioFormat | null = null;
  #broadcast: BroadcastId | null = null;
  #whip: WhipClient | null = null;
  #stopFeed: () => void = () => {};
  #releaseScreen: () => void = () => {};
  #canWorkerReadTracks = false;

  constructor(options: GoLiveOptions) {
    this.#options = options;
    this.#publisher = options.platform.newId();
    this.#worker = new Worker(options.workerUrl, { type: "module", name: "publisher" });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerEvent>) => this.#onWorkerEvent(data);
    addEventListener("beforeunload", (event) => {
      if (isOnAir(this.#view)) event.preventDefault();
    });
    addEventListener("pagehide", () => this.#endInPassing());
    addEventListener("pointerdown", () => this.#sound?.resume());
    addEventListener("keydown", () => this.#sound?.resume());
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.#refreshList());
    document.addEventListener("visibilitychange", () => options.onChange());
  }

  get view(): GoLiveView {
    return this.#view;
  }

  get mode(): CaptureMode {
    return this.#mode;
  }

  get choice(): DeviceChoice {
    return this.#choice;
  }

  get devices(): DeviceList {
    return this.#list;
  }

  /** The renditions that will be encoded. */
  get ladder(): readonly CaptureRendition[] {
    return this.#ladder;
  }

  get isMirrored(): boolean {
    return this.#devices?.isMirrored ?? false;
  }

  get hasMicrophone(): boolean {
    return this.#devices?.hasMicrophone ?? false;
  }

  /** The sound's level now, 0 to 1; null while no sound flows. */
  readLevel(): number | null {
    return this.#sound?.isRunning === true && this.#devices !== null ? this.#sound.readLevel() : null;
  }

  /** Finds the key, and opens the devices with it. */
  async begin(): Promise<void> {
    const { stream } = this.#options;
    this.#mode = await detectCaptureMode();
    const key = loadPageKey(stream) ?? (await issueLocalKey(stream).catch(() => null));
    if (key === null) this.#dispatch({ kind: "key-needed", problem: null });
    else await this.useKey(key);
  }

  /** Takes a key that was entered or kept. */
  async useKey(key: string): Promise<void> {
    const { stream } = this.#options;
    this.#dispatch({ kind: "key-checking" });
    const problem = await checkPageKey(stream, key);
    if (problem?.kind === "key-refused") {
      storePageKey(stream, null);
      this.#dispatch({ kind: "key-needed", problem });
      return;
    }
    this.#key = key;
    storePageKey(stream, key);
    await this.openSource(this.#choice.source);
    if (problem !== null && this.#view.problem === null) this.#dispatch({ kind: "notice", problem });
  }

  /** Forgets the key, and asks for another. */
  changeKey(): void {
    this.#key = null;
    storePageKey(this.#options.stream, null);
    this.#dispatch({ kind: "key-needed", problem: null });
  }

  /** Opens the camera or a screen. */
  async openSource(source: PictureSource): Promise<void> {
    await this.#open({ ...this.#choice, source });
  }

  async chooseCamera(cameraId: string): Promise<void> {
    await this.#open({ ...this.#choice, source: "camera", cameraId });
  }

  async chooseMicrophone(microphoneId: string): Promise<void> {
    await this.#open({ ...this.#choice, microphoneId });
  }

  setMuted(isMuted: boolean): void {
    if (this.#sound !== null) this.#sound.isMuted = isMuted;
    this.#dispatch({ kind: "muted", isMuted });
  }

  /** Goes live. */
  async start(): Promise<void> {
    const { stream, platform, clockOffsetMs } = this.#options;
    const [key, devices, audio] = [this.#key, this.#devices, this.#audio];
    this.#sound?.resume();
    if (key === null || devices === null || isOnAir(this.#view)) return;
    this.#dispatch({ kind: "start", nowMs: platform.clock.monotonicMs() });
    this.#releaseScreen = keepScreenAwake();
    if (this.#mode !== "webcodecs" || audio === null || this.#ladder.length === 0) {
      await this.#startWhip(stream, key, devices);
      return;
    }
    const command: StartCommand = {
      ...{ kind: "start", edge: location.origin, stream, key, publisher: this.#publisher },
      ...{ ladder: this.#ladder, audio, clockOffsetMs: clockOffsetMs() },
    };
    this.#post(command);
    this.#feed(devices, platform);
  }

  /** Ends the broadcast. */
  async end(): Promise<void> {
    if (!isOnAir(this.#view)) return;
    this.#dispatch({ kind: "end" });
    if (this.#whip !== null) await this.#whip.end();
    else this.#post({ kind: "end" });
  }

  #feed(devices: OpenDevices, platform: Platform): void {
    this.#stopFeed();
    const { preview } = this.#options;
    this.#stopFeed = feedPictures(devices.picture, {
      ...{ preview, platform, canWorkerReadTracks: this.#canWorkerReadTracks },
      post: (command, transfer) => this.#post(command, transfer),
    });
    const port = devices.sounds.length === 0 ? null : (this.#sound?.openTap() ?? null);
    this.#post({ kind: "audio", port }, port === null ? [] : [port]);
  }

  async #startWhip(stream: string, key: string, devices: OpenDevices): Promise<void> {
    const whip = new WhipClient(stream, key, this.#options.platform.clock, (event) => this.#onWhipEvent(event));
    this.#whip = whip;
    const sound = this.#sound?.openTrack() ?? null;
    await whip.start(sound === null ? [devices.picture] : [devices.picture, sound]);
  }

  async #open(choice: DeviceChoice): Promise<void> {
    const wasOnAir = isOnAir(this.#view);
    this.#dispatch({ kind: "preparing" });
    try {
      const devices = await openDevices(choice);
      this.#release();
      this.#devices = devices;
      this.#choice = choice;
      devices.picture.onended = () => this.#onPictureEnded(devices);
      await this.#show(devices);
      await this.#openSound(devices);
      await this.#refreshList();
      if (isOnAir(this.#view)) {
        if (this.#whip !== null) await this.#whip.replace(devices.picture);
        else this.#feed(devices, this.#options.platform);
      } else await this.#probe(devices);
      this.#dispatch({ kind: "devices-open", source: choice.source });
      if (this.#mode === "none")
        this.#dispatch({ kind: "devices-failed", problem: { kind: "no-encoder", reason: "" } });
    } catch (error) {
      const problem: GoLiveProblem =
        error instanceof DeviceError ? error.problem : { kind: "device-busy", reason: String(error) };
      // The devices that were open stay open.
      if (this.#devices !== null && !wasOnAir) this.#dispatch({ kind: "devices-open", source: this.#choice.source });
      this.#dispatch(this.#devices === null ? { kind: "devices-failed", problem } : { kind: "notice", problem });
    }
  }

  /** Shows the picture, and waits for its size. */
  async #show(devices: OpenDevices): Promise<void> {
    const { preview } = this.#options;
    preview.srcObject = new MediaStream([devices.picture]);
    await preview.play().catch(() => {});
  }

  async #openSound(devices: OpenDevices): Promise<void> {
    try {
      this.#sound ??= await SoundGraph.create(this.#options.workletUrl);
      this.#sound.isMuted = this.#view.isMuted;
      this.#sound.setTracks(devices.sounds);
    } catch {
      // A browser without worklets goes live by WebRTC, which takes the tracks themselves.
      this.#sound = null;
    }
  }

  async #probe(devices: OpenDevices): Promise<void> {
    if (this.#mode !== "webcodecs") return;
    const { preview } = this.#options;
    const { width = 1280, height = 720, frameRate = 30 } = devices.picture.getSettings();
    const size =
      preview.videoWidth > 0 ? { width: preview.videoWidth, height: preview.videoHeight } : { width, height };
    this.#ladder = await probeLadder({ ...size, frameRate });
    this.#audio ??= await chooseAudioFormat();
  }

  #onPictureEnded(devices: OpenDevices): void {
    if (this.#devices !== devices) return;
    this.#dispatch({ kind: "notice", problem: { kind: "device-lost", reason: "" } });
  }

  async #refreshList(): Promise<void> {
    this.#list = await listDevices();
    this.#options.onChange();
  }

  #onWorkerEvent(event: WorkerEvent): void {
    if (event.kind === "ready") this.#canWorkerReadTracks = event.canReadTracks;
    if (event.kind === "opening") this.#broadcast = event.broadcast;
    this.#onBroadcastEvent(event);
  }

  #onWhipEvent(event: WhipEvent): void {
    if (event.kind !== "missing") {
      this.#onBroadcastEvent(event);
      return;
    }
    this.#onBroadcastEvent({ kind: "failed", code: "failed", reason: "" });
    this.#dispatch({ kind: "notice", problem: { kind: "whip-missing", reason: "" } });
  }

  #onBroadcastEvent(event: WorkerEvent): void {
    this.#dispatch({ kind: "worker", event, nowMs: this.#options.platform.clock.monotonicMs() });
    if (isOnAir(this.#view)) return;
    this.#stopFeed();
    this.#sound?.closeTap();
    this.#releaseScreen();
    this.#broadcast = null;
    this.#whip = null;
  }

  /** The page is left: the edge is told, so that viewers see an end at once. */
  #endInPassing(): void {
    if (!isOnAir(this.#view)) return;
    void this.#whip?.end();
    if (this.#broadcast === null) return;
    const headers = { authorization: `Bearer ${this.#key}`, [PUBLISHER_HEADER]: this.#publisher };
    const url = `/ingest/${this.#options.stream}/${this.#broadcast}/end`;
    fetch(url, { method: "PUT", headers, keepalive: true }).catch(() => {});
  }

  #release(): void {
    const { picture, sounds } = this.#devices ?? { picture: null, sounds: [] };
    for (const track of [picture, ...sounds]) track?.stop();
  }

  #post(command: WorkerCommand, transfer: Transferable[] = []): void {
    this.#worker.postMessage(command, transfer);
  }

  #dispatch(event: GoLiveEvent): void {
    const before = this.#view;
    this.#view = reduceGoLiveView(before, event);
    if (this.#view !== before) this.#options.onChange();
  }
}
