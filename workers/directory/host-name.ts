/** The name of a stream's host, which nobody else takes. */
import type { StreamName } from "../../core/kit/ids.ts";
import { nameForm } from "../../core/moderation/name-form.ts";
import type { RequestScope } from "../kit/app-env.ts";
import { fetchPageProfile, shownProfile } from "./stream-profiles.ts";

/** How long a name waits for the stream's details. Without them it is free, and the room keeps those of its staff. */
const DETAILS_WAIT_MS = 300;

/**
 * Whether a name looks like the host's in the stream's details. The room itself knows the names of its staff, but not of a host
 * who has not come yet.
 */
export async function isNamedAsHost(scope: RequestScope, stream: StreamName, name: string): Promise<boolean> {
  const profile = await fetchPageProfile(scope, stream, DETAILS_WAIT_MS);
  const host = profile === null || profile === "late" ? "" : shownProfile(profile).details.host;
  return host !== "" && nameForm(host) === nameForm(name);
}
