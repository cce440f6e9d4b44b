/** Namespaces of objects that may be bound to a jurisdiction: which one an object's name belongs to. */
import { JURISDICTIONS, type Jurisdiction, jurisdictionOfObject } from "./object-names.ts";

/** A namespace, as far as it gives objects by name. */
export interface JurisdictionNamespace<T> {
  getByName(name: string): T;
  jurisdiction(jurisdiction: Jurisdiction): { getByName(name: string): T };
}

/** The object of this name, in the jurisdiction that the name says. Throws where the runtime has no jurisdictions. */
export function getObjectInJurisdiction<T>(namespace: JurisdictionNamespace<T>, name: string): T {
  const jurisdiction = jurisdictionOfObject(name);
  return (jurisdiction === null ? namespace : namespace.jurisdiction(jurisdiction)).getByName(name);
}

/**
 * The jurisdictions of this runtime, and null for no jurisdiction. workerd by itself has none, and says so with an error;
 * no object can then be in one, so nothing is missed by not asking there.
 */
export function listJurisdictions(
  namespace: Pick<JurisdictionNamespace<unknown>, "jurisdiction">,
): readonly (Jurisdiction | null)[] {
  return [null, ...JURISDICTIONS.filter((each) => isSupported(namespace, each))];
}

function isSupported(
  namespace: Pick<JurisdictionNamespace<unknown>, "jurisdiction">,
  jurisdiction: Jurisdiction,
): boolean {
  try {
    namespace.jurisdiction(jurisdiction);
    return true;
  } catch {
    return false;
  }
}
