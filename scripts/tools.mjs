/** The system's tools that programs of this project need: detection, and installation per system. */
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** @typedef {"ffmpeg" | "chromium" | "firefox" | "font" | "wrk" | "nginx"} ToolName */
/** @typedef {"apt-get" | "dnf" | "pacman" | "apk" | "brew"} ManagerCommand */
/** @typedef {{ command: ManagerCommand, install: string, unattended: boolean }} PackageManager */
/**
 * `programs`: each a list of names of which one must be on the PATH; `files`: one of these must exist; `optional`: a
 * program runs without it, with less quality.
 * @typedef {{
 *   title: string, programs: readonly (readonly string[])[], files: readonly string[], optional: boolean,
 *   packages: Record<ManagerCommand, readonly string[]>,
 * }} Tool
 */

/** Most specific first; only `apt-get` is run, the other commands are printed. */
/** @type {readonly PackageManager[]} */
export const PACKAGE_MANAGERS = [
  { command: "apt-get", install: "sudo apt-get install -y --no-install-recommends", unattended: true },
  { command: "dnf", install: "sudo dnf install", unattended: false },
  { command: "pacman", install: "sudo pacman -S", unattended: false },
  { command: "apk", install: "doas apk add", unattended: false },
  { command: "brew", install: "brew install", unattended: false },
];

/** @type {Record<ToolName, Tool>} */
export const SYSTEM_TOOLS = {
  ffmpeg: {
    title: "FFmpeg",
    programs: [["ffmpeg"], ["ffprobe"]],
    files: [],
    optional: false,
    // Fedora's own ffmpeg-free has no x264; `ffmpeg` is RPM Fusion's.
    packages: { "apt-get": ["ffmpeg"], dnf: ["ffmpeg"], pacman: ["ffmpeg"], apk: ["ffmpeg"], brew: ["ffmpeg"] },
  },
  chromium: {
    title: "Chromium",
    programs: [["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]],
    files: [
      "/Applications/Chromium.app/Contents/MacOS/Chromium",
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    ],
    optional: false,
    packages: {
      "apt-get": ["chromium"],
      dnf: ["chromium"],
      pacman: ["chromium"],
      apk: ["chromium"],
      brew: ["--cask", "chromium"],
    },
  },
  firefox: {
    title: "Firefox",
    programs: [["firefox-esr", "firefox"]],
    files: ["/Applications/Firefox.app/Contents/MacOS/firefox"],
    optional: false,
    // Debian's plays H.264 by FFmpeg's libraries.
    packages: {
      "apt-get": ["firefox-esr", "ffmpeg"],
      dnf: ["firefox"],
      pacman: ["firefox"],
      apk: ["firefox-esr"],
      brew: ["--cask", "firefox"],
    },
  },
  font: {
    title: "the DejaVu font",
    programs: [],
    files: [
      "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
      "/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf",
      "/usr/share/fonts/TTF/DejaVuSansMono.ttf",
      "/usr/share/fonts/dejavu/DejaVuSansMono.ttf",
      // An equivalent font of macOS.
      "/System/Library/Fonts/Menlo.ttc",
    ],
    optional: true,
    packages: {
      "apt-get": ["fonts-dejavu-core", "fontconfig"],
      dnf: ["dejavu-sans-mono-fonts", "fontconfig"],
      pacman: ["ttf-dejavu", "fontconfig"],
      apk: ["font-dejavu", "fontconfig"],
      brew: ["--cask", "font-dejavu"],
    },
  },
  wrk: {
    title: "wrk",
    programs: [["wrk"]],
    files: [],
    optional: false,
    packages: { "apt-get": ["wrk"], dnf: ["wrk"], pacman: ["wrk"], apk: ["wrk"], brew: ["wrk"] },
  },
  nginx: {
    title: "nginx",
    programs: [["nginx"]],
    // Not on the PATH of regular users.
    files: ["/usr/sbin/nginx"],
    optional: false,
    packages: {
      "apt-get": ["nginx-light"],
      dnf: ["nginx"],
      pacman: ["nginx"],
      apk: ["nginx"],
      brew: ["nginx"],
    },
  },
};

/**
 * Path of the tool's first program or file on this machine, or null if any part of it is missing.
 * @param {ToolName} name
 * @param {string} [path] as in `PATH`
 * @returns {string | null}
 */
export function findTool(name, path = process.env.PATH ?? "") {
  const { programs, files } = SYSTEM_TOOLS[name];
  const found = files.find((file) => existsSync(file));
  if (found !== undefined) return found;
  const paths = programs.map((names) => findProgram(names, path));
  return paths.every((program) => program !== null) ? (paths[0] ?? null) : null;
}

/**
 * The command that installs `tools` on a system with this package manager.
 * @param {PackageManager} manager
 * @param {readonly ToolName[]} tools
 * @returns {string}
 */
export function formatInstallCommand(manager, tools) {
  return [manager.install, ...tools.flatMap((tool) => SYSTEM_TOOLS[tool].packages[manager.command])].join(" ");
}

/**
 * @param {readonly string[]} names
 * @param {string} path
 * @returns {string | null}
 */
function findProgram(names, path) {
  for (const folder of path.split(delimiter)) {
    for (const name of names) {
      const program = join(folder, name);
      if (isExecutable(program)) return program;
    }
  }
  return null;
}

/**
 * @param {string} program
 * @returns {boolean}
 */
function isExecutable(program) {
  try {
    accessSync(program, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
