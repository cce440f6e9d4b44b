/** Addresses to listen on, and the URLs behind them: for this machine, and for others in its network. */
import { networkInterfaces } from "node:os";

/** The address of this machine alone. */
export const LOOPBACK = "127.0.0.1";
/** Stands for all addresses of this machine. */
export const ANY_ADDRESS = "0.0.0.0";

/** Whether an edge that listens here issues tokens to browsers of this machine. */
export const issuesTokens = (host: string): boolean => host === LOOPBACK;

/** The URL for this machine: loopback if the edge listens there, which browsers treat as secure. */
export const localUrl = (host: string, port: number): string =>
  `http://${host === ANY_ADDRESS ? LOOPBACK : host}:${port}`;

/** The URLs for other machines, the likeliest first; none if only this machine reaches the edge. */
export function networkUrls(
  host: string,
  port: number,
  machineAddresses: readonly string[] = listMachineAddresses(),
): readonly string[] {
  if (host.startsWith("127.")) return [];
  return (host === ANY_ADDRESS ? machineAddresses : [host]).map((address) => `http://${address}:${port}`);
}

/** This machine's IPv4 addresses in its networks, the first four. */
export function listMachineAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => address)
    .slice(0, 4);
}
