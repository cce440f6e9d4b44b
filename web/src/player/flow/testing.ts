/** Media sources for tests without a browser. */

/** A buffer that takes everything at once. */
class FakeBuffer extends EventTarget {
  readonly appended: string[] = [];
  readonly updating = false;
  readonly buffered = { length: 0 };
  appendBuffer(bytes: Uint8Array): void {
    this.appended.push(new TextDecoder().decode(bytes));
  }
}

/** A source that opens when the test says so. */
export class FakeSource extends EventTarget {
  static isTypeSupported: () => boolean = () => true;
  readyState: string = "closed";
  duration: number = 0;
  readonly buffers: FakeBuffer[] = [];
  addSourceBuffer(): FakeBuffer {
    const buffer = new FakeBuffer();
    this.buffers.push(buffer);
    return buffer;
  }
  setLiveSeekableRange(): void {}
  endOfStream(): void {}
  open(): void {
    this.readyState = "open";
    this.dispatchEvent(new Event("sourceopen"));
  }
}

/** One that says when it takes media. */
export class FakeManagedSource extends FakeSource {
  streaming: boolean = false;
  stream(isStreaming: boolean): void {
    this.streaming = isStreaming;
    this.dispatchEvent(new Event(isStreaming ? "startstreaming" : "endstreaming"));
  }
}
