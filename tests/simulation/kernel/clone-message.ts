/** Values as they arrive at the other end of an RPC: copies, so that no memory is shared between processes. */

/** A copy of plain data: what structured cloning takes, without cycles. */
export function cloneMessage<T>(value: T): T {
  return clone(value) as T;
}

function clone(value: unknown): unknown {
  if (typeof value === "function") throw new TypeError("functions don't cross the simulated network");
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (value instanceof Date) return new Date(value);
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [clone(key), clone(each)]));
  if (value instanceof Set) return new Set([...value].map(clone));
  if (Array.isArray(value)) return value.map(clone);
  return cloneRecord(value as Readonly<Record<string, unknown>>);
}

function cloneRecord(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(record)) {
    const value = clone(record[key]);
    // An assignment to this name would change the prototype.
    if (key === "__proto__")
      Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
    else copy[key] = value;
  }
  return copy;
}
