/** Every class of Durable Objects of the deployment: the code that it runs, its bindings, and where its objects stand. */
import type { DurableObjects, ObjectContext } from "./kernel/durable-objects.ts";
import type { ProductPart } from "./kernel/product-code.ts";
import type { Bucket } from "./kernel/stores.ts";
import type { Reviewer } from "./room/reviewer.ts";

/** Secrets of the simulated deployment. */
export const SIMULATED_SECRETS = {
  CORRAL_ADMIN_TOKEN: "admin-token-of-the-simulation-of-32-bytes",
  CORRAL_VIEWER_SECRET: "viewer-secret-of-the-simulation-32-bytes",
} as const;

/** Where objects without a hint stand: near the publisher, whose requests create them. */
export const HOME_REGION = "weur";

/** A class by its binding: the file that has it, and what its instances are bound to. */
interface ClassSource {
  readonly exportName: string;
  readonly file: string;
  readonly namespaces: readonly string[];
  readonly hasBucket?: boolean;
  readonly hasVariables?: boolean;
}

const ROOM_NAMESPACES = ["LIVE", "ROOM", "ROOM_RELAY", "ROOM_SHARD", "KEYRING"];

const CLASSES: Readonly<Record<string, ClassSource>> = {
  LIVE: { exportName: "Live", file: "live/live.ts", namespaces: ["ROOM", "DIRECTORY"], hasBucket: true },
  SHIELD: { exportName: "Shield", file: "shield/shield.ts", namespaces: ["LIVE", "SHIELD"], hasBucket: true },
  REGISTRY: { exportName: "Registry", file: "access/registry.ts", namespaces: [], hasBucket: true },
  DISPATCH: { exportName: "Dispatch", file: "dispatch/dispatch.ts", namespaces: [] },
  MAIL_LINKS: { exportName: "MailLinks", file: "access/mail-links.ts", namespaces: [] },
  DIRECTORY: { exportName: "Directory", file: "directory/directory.ts", namespaces: [] },
  ROOM: { exportName: "Room", file: "room/sequencer/room.ts", namespaces: ROOM_NAMESPACES, hasVariables: true },
  ROOM_RELAY: {
    exportName: "RoomRelay",
    file: "room/relay/room-relay.ts",
    namespaces: ROOM_NAMESPACES,
    hasVariables: true,
  },
  ROOM_SHARD: {
    exportName: "RoomShard",
    file: "room/shard/room-shard.ts",
    namespaces: ROOM_NAMESPACES,
    hasVariables: true,
  },
  KEYRING: { exportName: "Keyring", file: "room/keyring/keyring.ts", namespaces: ["ROOM"] },
};

/** Bindings of all classes. */
export const OBJECT_BINDINGS: readonly string[] = Object.keys(CLASSES);

/** The code of all classes, a part each: an instance is a process of its own. */
export const OBJECT_PARTS: readonly ProductPart[] = Object.entries(CLASSES).map(([binding, { exportName, file }]) => ({
  name: binding,
  entry: `export { ${exportName} } from "./durable-objects/${file}";`,
}));

/**
 * Makes the classes known to the platform of a run. `variables`: of the deployment, beside its secrets; `reviewer`: what
 * shards are bound to.
 */
export function defineObjectClasses(
  objects: DurableObjects,
  bucket: Bucket,
  variables: Readonly<Record<string, string>> = {},
  reviewer: Reviewer | null = null,
): void {
  for (const [binding, { exportName, namespaces, hasBucket, hasVariables }] of Object.entries(CLASSES)) {
    const environment = ({ process, gate }: ObjectContext): object => ({
      ...(hasVariables === true ? { ...SIMULATED_SECRETS, ...variables } : {}),
      ...(reviewer !== null && binding === "ROOM_SHARD" ? { REVIEWER: reviewer.bind(process) } : {}),
      ...(hasBucket === true ? { MEDIA: bucket.bind(process, gate) } : {}),
      ...Object.fromEntries(namespaces.map((name) => [name, objects.namespace(name, process, gate)])),
    });
    objects.define({
      binding,
      part: binding,
      exportName,
      environment,
      placeOf: (name, hint) => placeOf(binding, name, hint),
    });
  }
}

/** `live/demo@weur`, `shield0/demo@weur/FRA`: links and faults go by these names. */
function placeOf(binding: string, name: string, hint: string | undefined): string {
  if (binding !== "SHIELD") return `${binding.toLowerCase()}/${name}@${HOME_REGION}`;
  const [stream = "", address = ""] = name.split("/");
  const [region = "", colo, shard] = address.split(".");
  return `shield${shard ?? ""}/${stream}@${hint ?? region}${colo === undefined ? "" : `/${colo}`}`;
}
