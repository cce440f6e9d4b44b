/** CPU and memory of other processes from /proc; all zero without it. */
import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds per clock tick of /proc. */
const TICK_MS = 10;

/** Processes named `name` below the process `pid`. */
export function descendantPids(pid: number, name: string): number[] {
  return descendantsOf(pid)
    .filter((process) => process.name === name)
    .map((process) => process.pid);
}

/** The process `pid` and all below it. */
export function processTree(pid: number): number[] {
  return [pid, ...descendantsOf(pid).map((process) => process.pid)];
}

function descendantsOf(pid: number): { readonly pid: number; readonly name: string }[] {
  const parents = new Map<number, { readonly parent: number; readonly name: string }>();
  for (const entry of listPids()) {
    const stat = readProcFile(`/proc/${entry}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    parents.set(entry, { parent, name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")) });
  }
  const isBelow = (child: number): boolean => {
    for (let at = parents.get(child); at !== undefined; at = parents.get(at.parent)) if (at.parent === pid) return true;
    return false;
  };
  return [...parents].filter(([child]) => isBelow(child)).map(([child, { name }]) => ({ pid: child, name }));
}

/** CPU time of a process, milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readProcFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
}

/** Resident memory of a process, bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+)/.exec(readProcFile(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes) * 1024;
}

/** Open-file limit of a process started from here; infinite if unknown. */
export function maxOpenFiles(): number {
  const [, most = ""] = /^Max open files\s+\d+\s+(\d+)/m.exec(readProcFile("/proc/self/limits")) ?? [];
  return most === "" ? Number.POSITIVE_INFINITY : Number(most);
}

function listPids(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function readProcFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
