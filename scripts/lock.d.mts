/** Runs `work` while no other process runs under the same lock, a file whose folder is made; `say` is told once if there is a wait. */
export function withLock<T>(path: string, log: (text: string) => void, work: () => Promise<T>): Promise<T>;
