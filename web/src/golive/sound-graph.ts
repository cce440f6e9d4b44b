/** The page's sound: microphone and screen mixed, measured, muted, and tapped for the worker. */

/** Samples of one measurement of the level. */
const METER_SAMPLES = 1_024;
/** The meter begins at this level, dB of full scale. */
const METER_FLOOR_DB = -60;

/** The graph of one page. */
export class SoundGraph {
  readonly #context: AudioContext;
  readonly #mix: GainNode;
  readonly #analyser: AnalyserNode;
  readonly #tap: AudioWorkletNode;
  #sources: MediaStreamAudioSourceNode[] = [];
  readonly #samples = new Float32Array(METER_SAMPLES);

  private constructor(context: AudioContext) {
    this.#context = context;
    this.#mix = new GainNode(context);
    this.#analyser = new AnalyserNode(context, { fftSize: METER_SAMPLES });
    this.#tap = new AudioWorkletNode(context, "sound-tap", {
      numberOfOutputs: 0,
      channelCount: 2,
      channelCountMode: "explicit",
    });
    this.#mix.connect(this.#analyser);
    this.#mix.connect(this.#tap);
  }

  /** Loads the worklet. Rejects where the browser has none. */
  static async create(workletUrl: string): Promise<SoundGraph> {
    const context = new AudioContext({ sampleRate: 48_000, latencyHint: "interactive" });
    await context.audioWorklet.addModule(workletUrl);
    return new SoundGraph(context);
  }

  /** Whether sound flows: browsers hold it back until a person has acted on the page. */
  get isRunning(): boolean {
    return this.#context.state === "running";
  }

  /** To be called in a person's action. */
  resume(): void {
    void this.#context.resume().catch(() => {});
  }

  /** Replaces what is mixed. */
  setTracks(tracks: readonly MediaStreamTrack[]): void {
    for (const source of this.#sources) source.disconnect();
    this.#sources = tracks.map((track) => {
      const source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: new MediaStream([track]) });
      source.connect(this.#mix);
      return source;
    });
  }

  set isMuted(isMuted: boolean) {
    this.#mix.gain.value = isMuted ? 0 : 1;
  }

  /** The port at which blocks of sound arrive from now on. */
  openTap(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#tap.port.postMessage(port1, [port1]);
    return port2;
  }

  closeTap(): void {
    this.#tap.port.postMessage(null);
  }

  /** The level now, 0 to 1 over the meter's range. */
  readLevel(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const db = 10 * Math.log10(sum / METER_SAMPLES + 1e-12);
    return Math.max(0, Math.min(1, 1 - db / METER_FLOOR_DB));
  }

  /** The mix as a track, for WebRTC. */
  openTrack(): MediaStreamTrack | null {
    const destination = new MediaStreamAudioDestinationNode(this.#context);
    this.#mix.connect(destination);
    return destination.stream.getAudioTracks()[0] ?? null;
  }
}
