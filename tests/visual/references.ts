/** The pictures in the repository that pages are compared with, and of which scenes and looks there are any. */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LOOKS, type Look } from "./looks.ts";
import { decodePng, encodePng, type Picture } from "./picture.ts";
import { SCENES, type Scene } from "./scenes.ts";

const FOLDER = fileURLToPath(new URL("reference", import.meta.url));

/** Every scene is compared as most people see it. */
const COMMON_LOOKS: ReadonlySet<string> = new Set(["desktop", "phone"]);
/** These are compared in every look. */
const COMMON_SCENES: ReadonlySet<string> = new Set(["landing", "live"]);

/** A scene in a look. */
export interface View {
  readonly name: string;
  readonly scene: Scene;
  readonly look: Look;
}

/** The views of which there are references. */
export const COMPARED_VIEWS: readonly View[] = SCENES.flatMap((scene) =>
  LOOKS.filter((look) => COMMON_LOOKS.has(look.name) || COMMON_SCENES.has(scene.name)).map((look) => ({
    ...{ name: `${scene.name}--${look.name}`, scene, look },
  })),
);

const pathOf = (name: string): string => join(FOLDER, `${name}.png`);

/** A view's reference; null without one. */
export async function readReference(name: string): Promise<Picture | null> {
  const bytes = await readFile(pathOf(name)).catch(() => null);
  return bytes === null ? null : decodePng(bytes);
}

/** Makes `picture` the reference of a view. */
export async function writeReference(name: string, picture: Picture): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  await writeFile(pathOf(name), encodePng(picture));
}

/** Names of references that belong to no view any more. */
export async function listStrayReferences(): Promise<string[]> {
  const known = new Set(COMPARED_VIEWS.map(({ name }) => `${name}.png`));
  return (await readdir(FOLDER))
    .filter((file) => file.endsWith(".png") && !known.has(file))
    .map((file) => file.replace(/\.png$/, ""));
}

/** Removes one. */
export const removeReference = (name: string): Promise<void> => rm(pathOf(name), { force: true });
