/** OBS Studio without a screen: a profile, a scene with a clip, and a stream that starts by itself. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ObsConfiguration } from "../../core/ingest/obs/obs-configuration.ts";

/** Where OBS is and what it sends. */
export interface ObsOptions {
  /** Root of a system that has OBS and Xvfb, entered with chroot; null: this one. */
  readonly root: string | null;
  /** A clip with sound, 640×360; null: the screen is captured. */
  readonly clip: string | null;
  readonly server: string;
  readonly key: string;
  /** Seconds between keyframes; null: OBS's defaults. */
  readonly keyframeS: number | null;
  /** x264's tuning, as in OBS's settings; OBS's default is none. */
  readonly tune?: "zerolatency" | null;
  /** The renditions of multitrack video, as its config override; null: one rendition. */
  readonly override?: ObsConfiguration | null;
}

const PROFILE = "Corral";
/** Size of the canvas, and of the screen that is captured. */
export const SIZE = { x: 640, y: 360, fps: 30, kbps: 1_500 } as const;
const END_MS = 15_000;

/** A running OBS. */
export class ObsProcess {
  readonly #folder: string;
  readonly #screen: ChildProcess;
  readonly #obs: ChildProcess;
  /** X display of its screen, as in `DISPLAY`. */
  readonly display: string;
  #output = "";

  private constructor(folder: string, screen: ChildProcess, display: string, obs: ChildProcess) {
    this.display = display;
    this.#folder = folder;
    this.#screen = screen;
    this.#obs = obs;
    for (const stream of [obs.stdout, obs.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Starts it. Rejects if OBS or Xvfb is missing. */
  static async start(options: ObsOptions): Promise<ObsProcess> {
    const { root, clip } = options;
    const folder = mkdtempSync(join(root ?? "", "/tmp/corral-obs-"));
    const home = root === null ? folder : folder.slice(root.replace(/\/+$/, "").length);
    const profile = join(folder, "obs-studio/basic/profiles", PROFILE);
    const scenes = join(folder, "obs-studio/basic/scenes");
    for (const each of [profile, scenes]) mkdirSync(each, { recursive: true });
    if (clip !== null) copyFileSync(clip, join(folder, "clip.mp4"));
    writeFileSync(join(folder, "obs-studio/global.ini"), GLOBAL);
    writeFileSync(
      join(scenes, `${PROFILE}.json`),
      JSON.stringify(describeScene(clip === null ? null : join(home, "clip.mp4"))),
    );
    for (const [name, text] of profileFiles(options)) writeFileSync(join(profile, name), text);
    const screen = spawnIn(
      root,
      ["Xvfb", "-displayfd", "1", "-screen", "0", clip === null ? `${SIZE.x}x${SIZE.y}x24` : "1024x768x24"],
      {},
    );
    const [number] = (await Promise.race([once(screen.stdout ?? screen, "data"), failure(screen, "Xvfb")])) as [Buffer];
    const display = `:${String(number).trim()}`;
    const words = ["obs", "--multi", "--profile", PROFILE, "--collection", PROFILE, "--startstreaming"];
    if (options.override) words.push("--enable-multitrack-video-dev");
    const obs = spawnIn(root, [...words, "--disable-shutdown-check", "--disable-updater", "--minimize-to-tray"], {
      ...{ HOME: home, XDG_CONFIG_HOME: home, XDG_RUNTIME_DIR: home, DISPLAY: display },
      ...{ LIBGL_ALWAYS_SOFTWARE: "1", QT_QPA_PLATFORM: "xcb" },
    });
    failure(obs, "OBS").catch(() => {});
    return new ObsProcess(folder, screen, display, obs);
  }

  /** Its log so far. */
  get output(): string {
    return this.#output;
  }

  /** Ends the stream and OBS. */
  async stop(): Promise<void> {
    const ended = this.#obs.exitCode === null ? once(this.#obs, "exit") : Promise.resolve();
    this.#obs.kill("SIGINT");
    const timer = setTimeout(() => this.#obs.kill("SIGKILL"), END_MS);
    await ended;
    clearTimeout(timer);
    this.#screen.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function spawnIn(root: string | null, words: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const [command = "", ...args] = root === null ? words : ["chroot", root, ...words];
  return spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
}

async function failure(child: ChildProcess, name: string): Promise<never> {
  const [cause] = (await Promise.race([once(child, "exit"), once(child, "error")])) as [unknown];
  throw new Error(`${name} does not run here: ${String(cause)}`);
}

const GLOBAL = `[General]
FirstRun=true
LastVersion=503447555
EnableAutoUpdates=false
[Basic]
Profile=${PROFILE}
ProfileDir=${PROFILE}
SceneCollection=${PROFILE}
SceneCollectionFile=${PROFILE}
`;

function describeScene(clip: string | null): object {
  const place = { pos: { x: 0, y: 0 }, scale: { x: 1, y: 1 }, visible: true };
  const source =
    clip === null
      ? { id: "xshm_input", settings: { screen: 0, show_cursor: false } }
      : { id: "ffmpeg_source", settings: { local_file: clip, is_local_file: true, looping: true } };
  return {
    name: PROFILE,
    current_scene: "Scene",
    current_program_scene: "Scene",
    scene_order: [{ name: "Scene" }],
    sources: [
      { id: "scene", name: "Scene", settings: { items: [{ name: "Source", id: 1, ...place }], id_counter: 1 } },
      { name: "Source", ...source },
    ],
  };
}

function profileFiles({
  server,
  key,
  keyframeS,
  tune = null,
  override = null,
}: ObsOptions): [name: string, text: string][] {
  const simple = `Mode=Simple\n[SimpleOutput]\nVBitrate=${SIZE.kbps}\nStreamEncoder=x264\nABitrate=128\nPreset=veryfast\n`;
  const advanced = "Mode=Advanced\n[AdvOut]\nEncoder=obs_x264\nTrackIndex=1\nApplyServiceSettings=false\n";
  const video = `[Video]\nBaseCX=${SIZE.x}\nBaseCY=${SIZE.y}\nOutputCX=${SIZE.x}\nOutputCY=${SIZE.y}\nFPSCommon=${SIZE.fps}\n`;
  const audio = "[Audio]\nSampleRate=48000\nChannelSetup=Stereo\n";
  const output = `[Output]\nReconnect=true\nRetryDelay=2\nMaxRetries=25\n${keyframeS === null ? simple : advanced}`;
  // The value of a setting has doubled backslashes.
  const text = JSON.stringify({ text: JSON.stringify(override) }).replaceAll("\\", "\\\\");
  const settings = `MultitrackVideoConfigOverrideEnabled=true\nMultitrackVideoConfigOverride=${text}`;
  const multitrack = override === null ? "" : `[Stream1]\nEnableMultitrackVideo=true\n${settings}\n`;
  const encoder = {
    bitrate: SIZE.kbps,
    keyint_sec: keyframeS,
    preset: "veryfast",
    rate_control: "CBR",
    ...(tune === null ? {} : { tune }),
    x264opts: "bframes=0",
  };
  const service = { type: "rtmp_custom", settings: { server, key, use_auth: false } };
  return [
    ["basic.ini", `[General]\nName=${PROFILE}\n${video}${audio}${output}${multitrack}`],
    ["service.json", JSON.stringify(service)],
    ...(keyframeS === null ? [] : [["streamEncoder.json", JSON.stringify(encoder)] satisfies [string, string]]),
  ];
}
