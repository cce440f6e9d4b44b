/** What the page shows: a state machine over what a person does and what devices, worker and edge tell. Pure. */
import type { CaptureStatus, WorkerEvent } from "./worker/messages.ts";

/** How the browser can publish: by itself, through the edge's WHIP address, or not. */
export type CaptureMode = "webcodecs" | "whip" | "none";

/** The phases of the page. */
export type GoLivePhase =
  /** The address names no stream. */
  | "unknown"
  /** A stream key is asked for. */
  | "key"
  | "checking"
  /** Devices are being opened. */
  | "preparing"
  /** Devices could not be opened. */
  | "blocked"
  | "ready"
  | "starting"
  | "live"
  | "ending"
  | "ended";

/** Something that a person has to act on. `reason` is the edge's or the browser's own text, or empty. */
export interface GoLiveProblem {
  readonly kind:
    | "key-refused"
    | "key-missing"
    | "stopped"
    | "other-live"
    | "unreachable"
    | "busy"
    | "refused"
    | "network-lost"
    | "encoder-failed"
    | "no-permission"
    | "no-device"
    | "device-busy"
    | "device-lost"
    | "screen-refused"
    | "insecure"
    | "no-encoder"
    | "whip-missing";
  readonly reason: string;
}

/** Where pictures come from. */
export type PictureSource = "camera" | "screen";

/** Everything that is shown. */
export interface GoLiveView {
  readonly phase: GoLivePhase;
  readonly problem: GoLiveProblem | null;
  readonly source: PictureSource;
  readonly isMuted: boolean;
  /** Since when the broadcast is on the air, milliseconds of the page's monotonic clock. */
  readonly liveSinceMs: number | null;
  /** How long the last broadcast was on the air. */
  readonly lastedMs: number | null;
  /** When the broadcast was started, and how long it took until the edge had its first part. */
  readonly startedMs: number | null;
  readonly firstPartMs: number | null;
  readonly status: CaptureStatus | null;
}

/** What happens. */
export type GoLiveEvent =
  | { readonly kind: "key-needed"; readonly problem: GoLiveProblem | null }
  | { readonly kind: "key-checking" }
  | { readonly kind: "preparing" }
  | { readonly kind: "devices-open"; readonly source: PictureSource }
  | { readonly kind: "devices-failed"; readonly problem: GoLiveProblem }
  | { readonly kind: "notice"; readonly problem: GoLiveProblem | null }
  | { readonly kind: "muted"; readonly isMuted: boolean }
  | { readonly kind: "start"; readonly nowMs: number }
  | { readonly kind: "end" }
  | { readonly kind: "worker"; readonly event: WorkerEvent; readonly nowMs: number };

/** The view before anything has happened. */
export function initialGoLiveView(hasStream: boolean): GoLiveView {
  return {
    phase: hasStream ? "checking" : "unknown",
    ...{ problem: null, source: "camera", isMuted: false, status: null },
    ...{ liveSinceMs: null, lastedMs: null, startedMs: null, firstPartMs: null },
  };
}

/** Whether a broadcast is on the air, or about to be: leaving the page would end it. */
export function isOnAir({ phase }: GoLiveView): boolean {
  return phase === "starting" || phase === "live" || phase === "ending";
}

/** The view after `event`; the same object if nothing changes. */
export function reduceGoLiveView(view: GoLiveView, event: GoLiveEvent): GoLiveView {
  switch (event.kind) {
    case "key-needed":
      return isOnAir(view) ? view : { ...view, phase: "key", problem: event.problem };
    case "key-checking":
      return { ...view, phase: "checking", problem: null };
    case "preparing":
      return isOnAir(view) ? view : { ...view, phase: "preparing", problem: null };
    case "devices-open":
      return { ...view, phase: isOnAir(view) ? view.phase : "ready", source: event.source, problem: null };
    case "devices-failed":
      return { ...view, phase: isOnAir(view) ? view.phase : "blocked", problem: event.problem };
    case "notice":
      return { ...view, problem: event.problem };
    case "muted":
      return { ...view, isMuted: event.isMuted };
    case "start":
      if (view.phase !== "ready" && view.phase !== "ended") return view;
      return {
        ...{ ...view, phase: "starting", problem: null, status: null, liveSinceMs: null, lastedMs: null },
        ...{ startedMs: event.nowMs, firstPartMs: null },
      };
    case "end":
      return view.phase === "live" || view.phase === "starting" ? { ...view, phase: "ending" } : view;
    case "worker":
      return applyWorkerEvent(view, event.event, event.nowMs);
  }
}

function applyWorkerEvent(view: GoLiveView, event: WorkerEvent, nowMs: number): GoLiveView {
  // A broadcast that is over tells nothing more.
  if (!isOnAir(view)) return view;
  switch (event.kind) {
    case "live":
      if (view.phase !== "starting") return view;
      return { ...view, phase: "live", liveSinceMs: nowMs, firstPartMs: nowMs - (view.startedMs ?? nowMs) };
    case "status":
      return { ...view, status: event.status };
    case "failed":
      return over(view, nowMs, problemOf(event));
    case "ended":
      return over(view, nowMs, null);
    default:
      return view;
  }
}

function over(view: GoLiveView, nowMs: number, problem: GoLiveProblem | null): GoLiveView {
  const lastedMs = view.liveSinceMs === null ? null : nowMs - view.liveSinceMs;
  const phase = lastedMs === null ? "ready" : "ended";
  return { ...view, phase, problem, lastedMs, liveSinceMs: null, status: null };
}

function problemOf({ code, reason }: Extract<WorkerEvent, { kind: "failed" }>): GoLiveProblem {
  const kinds = {
    "already-live": "other-live",
    stopped: "stopped",
    refused: /\bkey\b|\btoken\b|\b40[13]\b/i.test(reason) ? "key-refused" : "refused",
    unreachable: "unreachable",
    busy: "busy",
    encoder: "encoder-failed",
    network: "network-lost",
    failed: "refused",
  } as const;
  return { kind: kinds[code], reason };
}
