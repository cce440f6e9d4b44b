/** Cameras, microphones and screens. */
import type { GoLiveProblem, PictureSource } from "./golive-view.ts";

/** The devices to open. Empty ids: the browser's choice. */
export interface DeviceChoice {
  readonly source: PictureSource;
  readonly cameraId: string;
  readonly microphoneId: string;
}

/** A device to choose from. */
export interface ListedDevice {
  readonly id: string;
  readonly label: string;
}

/** The devices by kind. Labels are empty until a permission is given. */
export interface DeviceList {
  readonly cameras: readonly ListedDevice[];
  readonly microphones: readonly ListedDevice[];
}

/** Opened devices. */
export interface OpenDevices {
  readonly picture: MediaStreamTrack;
  /** Sound of the microphone and of a shared screen; either may be missing. */
  readonly sounds: readonly MediaStreamTrack[];
  readonly hasMicrophone: boolean;
  /** Whether the preview shows a mirror, as people expect of a camera that faces them. */
  readonly isMirrored: boolean;
}

/** Thrown if a device cannot be opened. */
export class DeviceError extends Error {
  override readonly name: string = "DeviceError";
  readonly problem: GoLiveProblem;

  constructor(problem: GoLiveProblem, options?: ErrorOptions) {
    super(problem.kind, options);
    this.problem = problem;
  }
}

/** The camera's wish: the largest rendition of any ladder, at its rate. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
};
const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Whether the browser shares screens: those of phones do not. */
export const canShareScreen = (): boolean => typeof navigator.mediaDevices?.getDisplayMedia === "function";

/** Opens devices. Throws `DeviceError`. */
export async function openDevices(choice: DeviceChoice): Promise<OpenDevices> {
  if (navigator.mediaDevices === undefined) throw new DeviceError({ kind: "insecure", reason: "" });
  return choice.source === "screen" ? openScreen(choice) : openCamera(choice);
}

async function openCamera({ cameraId, microphoneId }: DeviceChoice): Promise<OpenDevices> {
  const video = cameraId === "" ? { ...CAMERA, facingMode: "user" } : { ...CAMERA, deviceId: { exact: cameraId } };
  const stream = await openMedia(video, microphoneId);
  const [picture] = stream.getVideoTracks();
  if (picture === undefined) throw new DeviceError({ kind: "no-device", reason: "" });
  const sounds = stream.getAudioTracks();
  const facing = picture.getSettings().facingMode;
  return { picture, sounds, hasMicrophone: sounds.length > 0, isMirrored: facing !== "environment" };
}

/** A machine without a microphone goes live without sound. */
async function openMedia(video: MediaTrackConstraints, microphoneId: string): Promise<MediaStream> {
  const audio = microphoneConstraints(microphoneId);
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio });
  } catch (error) {
    if (!isMissing(error)) throw deviceError(error);
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video });
  } catch (error) {
    throw deviceError(error);
  }
}

async function openScreen({ microphoneId }: DeviceChoice): Promise<OpenDevices> {
  let screen: MediaStream;
  try {
    screen = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 30, max: 30 }, width: { max: 1920 }, height: { max: 1080 } },
      audio: true,
    });
  } catch (error) {
    throw new DeviceError({ kind: "screen-refused", reason: "" }, { cause: error });
  }
  const [picture] = screen.getVideoTracks();
  if (picture === undefined) throw new DeviceError({ kind: "screen-refused", reason: "" });
  const microphone = await navigator.mediaDevices
    .getUserMedia({ audio: microphoneConstraints(microphoneId) })
    // A screen is shared without a microphone too.
    .catch(() => null);
  const sounds = [...screen.getAudioTracks(), ...(microphone?.getAudioTracks() ?? [])];
  return { picture, sounds, hasMicrophone: microphone !== null, isMirrored: false };
}

function microphoneConstraints(id: string): MediaTrackConstraints {
  return id === "" ? MICROPHONE : { ...MICROPHONE, deviceId: { exact: id } };
}

/** The devices that the browser lists; empty lists where it lists none. */
export async function listDevices(): Promise<DeviceList> {
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const named = (kind: MediaDeviceKind, word: string): ListedDevice[] =>
    devices
      .filter((device) => device.kind === kind && device.deviceId !== "")
      .map(({ deviceId, label }, i) => ({ id: deviceId, label: label === "" ? `${word} ${i + 1}` : label }));
  return { cameras: named("videoinput", "Camera"), microphones: named("audioinput", "Microphone") };
}

const isMissing = (error: unknown): boolean =>
  error instanceof DOMException && (error.name === "NotFoundError" || error.name === "OverconstrainedError");

function deviceError(error: unknown): DeviceError {
  const name = error instanceof DOMException ? error.name : "";
  const reason = error instanceof Error ? error.message : "";
  if (name === "NotAllowedError" || name === "SecurityError")
    return new DeviceError({ kind: "no-permission", reason: "" }, { cause: error });
  if (isMissing(error)) return new DeviceError({ kind: "no-device", reason: "" }, { cause: error });
  return new DeviceError({ kind: "device-busy", reason }, { cause: error });
}
