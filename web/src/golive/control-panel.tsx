/** The controls under the preview: start and end, sources, the microphone, and the broadcast's health. */
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { CaptureController } from "./capture-controller.ts";
import { canShareScreen } from "./capture-devices.ts";
import type { GoLivePage } from "./golive-page.ts";
import { describeHealth, describeProblem, type HealthLine } from "./golive-text.ts";
import { isOnAir, type PictureSource } from "./golive-view.ts";
import { CameraIcon, MicrophoneIcon, MutedIcon, ScreenIcon } from "./icons.tsx";

/** Nothing is shown before the devices are open. */
export function ControlPanel({ page }: { page: GoLivePage }): VNode | null {
  const { controller } = page;
  const { view } = controller;
  if (["unknown", "key", "checking"].includes(view.phase)) return null;
  return (
    <>
      <div class="main-row">
        <StartButton controller={controller} />
        <MicrophoneButton controller={controller} />
      </div>
      <HealthLines controller={controller} />
      <SourceFields controller={controller} />
      {!isOnAir(view) && (
        <p class="small">
          <button type="button" class="link-button" onClick={() => controller.changeKey()}>
            Use another stream key
          </button>
        </p>
      )}
    </>
  );
}

function StartButton({ controller }: { controller: CaptureController }): VNode {
  const { phase } = controller.view;
  if (isOnAir(controller.view)) {
    return (
      <button
        type="button"
        id="end"
        class="big-button end-button"
        disabled={phase === "ending"}
        onClick={() => void controller.end()}
      >
        {phase === "starting" ? "Cancel" : "End"}
      </button>
    );
  }
  const canStart = phase === "ready" || phase === "ended";
  return (
    <button
      type="button"
      id="start"
      class="big-button start-button"
      disabled={!canStart}
      onClick={() => void controller.start()}
    >
      <span class="dot" aria-hidden="true" />
      {phase === "ended" ? "Go live again" : "Go live"}
    </button>
  );
}

/** Mutes, and shows the level. */
function MicrophoneButton({ controller }: { controller: CaptureController }): VNode {
  const { isMuted } = controller.view;
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let frame = 0;
    let shown = 0;
    const draw = (): void => {
      const level = controller.readLevel() ?? 0;
      // Falls slower than it rises, as meters do.
      shown = Math.max(level, shown * 0.92);
      if (bar.current !== null) {
        bar.current.style.transform = `scaleX(${shown.toFixed(3)})`;
        bar.current.dataset["loud"] = String(shown > 0.92);
      }
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  }, [controller]);
  if (!controller.hasMicrophone) return <p class="no-mic">No microphone</p>;
  return (
    <div class="mic">
      <button
        type="button"
        class="round-button"
        aria-pressed={isMuted}
        aria-label="Mute the microphone"
        onClick={() => controller.setMuted(!isMuted)}
      >
        {isMuted ? <MutedIcon /> : <MicrophoneIcon />}
      </button>
      <span class="meter" aria-hidden="true">
        <span ref={bar} class="meter-bar" />
      </span>
      <span class="meter-text">{isMuted ? "Muted" : "Microphone"}</span>
    </div>
  );
}

function HealthLines({ controller }: { controller: CaptureController }): VNode {
  const { view, mode } = controller;
  const lines: HealthLine[] = [];
  if (view.problem !== null && view.phase !== "blocked") {
    const { title, advice } = describeProblem(view.problem);
    lines.push({ id: view.problem.kind, severity: "error", text: `${title} ${advice}` });
  }
  if (view.phase === "live" && view.status !== null) {
    lines.push(...describeHealth(view.status, mode, document.visibilityState === "hidden"));
  }
  if (view.phase === "live" && view.isMuted) {
    lines.push({ id: "muted", severity: "info", text: "The microphone is muted: viewers hear nothing." });
  }
  return (
    <ul class="health" aria-live="polite" aria-label="Health of the broadcast">
      {lines.map(({ id, severity, text }) => (
        <li key={id} data-severity={severity}>
          {text}
        </li>
      ))}
    </ul>
  );
}

const SOURCES: readonly (readonly [source: PictureSource, label: string, icon: () => VNode])[] = [
  ["camera", "Camera", CameraIcon],
  ["screen", "Screen", ScreenIcon],
];

function SourceFields({ controller }: { controller: CaptureController }): VNode {
  const { view, devices, choice } = controller;
  const sources = SOURCES.filter(([source]) => source === "camera" || canShareScreen());
  return (
    <div class="sources">
      <fieldset class="segments" hidden={sources.length < 2}>
        <legend class="sr">Picture</legend>
        {sources.map(([source, label, SourceIcon]) => (
          <button
            key={source}
            type="button"
            aria-pressed={view.source === source}
            disabled={view.phase === "preparing"}
            onClick={() => void controller.openSource(source)}
          >
            <SourceIcon />
            {label}
          </button>
        ))}
      </fieldset>
      {view.source === "camera" && devices.cameras.length > 1 && (
        <DeviceField
          label="Camera"
          value={choice.cameraId}
          devices={devices.cameras}
          onChoose={(id) => void controller.chooseCamera(id)}
        />
      )}
      {devices.microphones.length > 1 && (
        <DeviceField
          label="Microphone"
          value={choice.microphoneId}
          devices={devices.microphones}
          onChoose={(id) => void controller.chooseMicrophone(id)}
        />
      )}
    </div>
  );
}

interface DeviceFieldProps {
  readonly label: string;
  readonly value: string;
  readonly devices: readonly { readonly id: string; readonly label: string }[];
  readonly onChoose: (id: string) => void;
}

function DeviceField({ label, value, devices, onChoose }: DeviceFieldProps): VNode {
  return (
    <label class="device">
      {label}
      <select value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {value === "" && <option value="">Default</option>}
        {devices.map((device) => (
          <option key={device.id} value={device.id}>
            {device.label}
          </option>
        ))}
      </select>
    </label>
  );
}
