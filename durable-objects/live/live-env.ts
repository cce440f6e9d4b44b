/** What the Live object is bound to. */
import type { AccessPolicyReceiver } from "../../core/access/access-policy.ts";
import type { DirectoryNamespace } from "./directory-entry.ts";

/** Its bindings. */
export interface LiveEnv {
  readonly MEDIA: R2Bucket;
  readonly ROOM: { getByName(name: string): AccessPolicyReceiver };
  readonly DIRECTORY: DirectoryNamespace;
}
