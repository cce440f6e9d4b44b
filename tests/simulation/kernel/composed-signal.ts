/**
 * `AbortSignal.any` of the simulation. Node keeps a composed signal, and all that its listeners reach, for as long as it has a
 * listener: those of a process that was killed never go. Here it lives as long as something holds it or one of its sources.
 */

type Listener = () => void;

/** What the product's code uses of a signal. */
interface Signal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: Listener, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: Listener): void;
}

/** A signal that is aborted with the first of its sources. */
export function composeSignals(sources: readonly Signal[]): Signal {
  return new ComposedSignal(sources);
}

/** It has no state besides its listeners, which it adds to its sources. */
class ComposedSignal implements Signal {
  readonly #sources: readonly Signal[];
  readonly #added = new Map<Listener, Listener>();

  constructor(sources: readonly Signal[]) {
    this.#sources = sources;
  }

  get aborted(): boolean {
    return this.#sources.some(({ aborted }) => aborted);
  }

  get reason(): unknown {
    return this.#sources.find(({ aborted }) => aborted)?.reason;
  }

  addEventListener(_type: "abort", listener: Listener): void {
    // An event that has been is not repeated.
    if (this.aborted || this.#added.has(listener)) return;
    // A signal is aborted once, whichever of its sources are.
    const once = (): void => {
      this.removeEventListener("abort", listener);
      listener();
    };
    this.#added.set(listener, once);
    for (const source of this.#sources) source.addEventListener("abort", once);
  }

  removeEventListener(_type: "abort", listener: Listener): void {
    const once = this.#added.get(listener);
    if (once === undefined) return;
    this.#added.delete(listener);
    for (const source of this.#sources) source.removeEventListener("abort", once);
  }
}
