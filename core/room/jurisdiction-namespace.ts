/** Namespaces of objects that may be bound to a jurisdiction: the namespace of an object's name. */
import { JURISDICTIONS, type Jurisdiction, jurisdictionOfObject } from "./object-names.ts";

/** A namespace, reduced to access by name. */
export interface JurisdictionNamespace<T> {
  getByName(name: string): T;
  jurisdiction(jurisdiction: Jurisdiction): { getByName(name: string): T };
}

/** The object of this name, in the jurisdiction that the name states. Throws if the runtime has no jurisdictions. */
export function getObjectInJurisdiction<T>(namespace: JurisdictionNamespace<T>, name: string): T {
  const jurisdiction = jurisdictionOfObject(name);
  return (jurisdiction === null ? namespace : namespace.jurisdiction(jurisdiction)).getByName(name);
}

/**
 * The jurisdictions of this runtime, and null for no jurisdiction. workerd by itself throws for jurisdictions: no object
 * can be in one then, so none is skipped.
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
