/** The audio worklet: hands the sound in blocks of 20 ms to the worker, on the audio thread's own clock. */

/** Samples of a block at 48 kHz. */
const BLOCK_SAMPLES = 960;
const CHANNELS = 2;

class SoundTap extends AudioWorkletProcessor {
  #target: MessagePort | null = null;
  #planes: Float32Array<ArrayBuffer>[] = newPlanes();
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<MessagePort | null>) => {
      this.#target = data;
      this.#filled = 0;
    };
  }

  /** Called by the audio thread for every 128 samples; true keeps the processor. */
  process(inputs: readonly (readonly Float32Array[])[]): boolean {
    const input = inputs[0] ?? [];
    const count = input[0]?.length ?? 128;
    for (let at = 0; at < count; ) {
      const step = Math.min(count - at, BLOCK_SAMPLES - this.#filled);
      for (const [channel, plane] of this.#planes.entries()) {
        const source = input[channel] ?? input[0];
        if (source === undefined) plane.fill(0, this.#filled, this.#filled + step);
        else plane.set(source.subarray(at, at + step), this.#filled);
      }
      this.#filled += step;
      at += step;
      if (this.#filled === BLOCK_SAMPLES) this.#send();
    }
    return true;
  }

  #send(): void {
    const planes = this.#planes;
    this.#planes = newPlanes();
    this.#filled = 0;
    this.#target?.postMessage(
      { planes },
      planes.map(({ buffer }) => buffer),
    );
  }
}

function newPlanes(): Float32Array<ArrayBuffer>[] {
  return Array.from({ length: CHANNELS }, () => new Float32Array(BLOCK_SAMPLES));
}

registerProcessor("sound-tap", SoundTap);
