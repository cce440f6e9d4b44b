/** The addresses at which encoders reach the listeners of this machine. */
import { networkInterfaces } from "node:os";
import type { IngestAddresses } from "../../core/api/ingest-addresses.ts";
import { listMachineAddresses } from "../kit/listen-address.ts";

/** Ports that are open; 0: not chosen yet. */
export interface IngestPorts {
  readonly rtmp: number;
  readonly rtmps: number | null;
  /** Null without a way to look passphrases up. */
  readonly srt: number | null;
}

/** IP addresses that the listeners are bound to. */
interface ListenerHosts {
  readonly host: string;
  readonly rtmpHost: string;
}

/** The listeners by protocol. `machineAddress`: what stands for "all addresses of this machine". */
export function locateListeners(
  { host, rtmpHost }: ListenerHosts,
  { rtmp, rtmps, srt }: IngestPorts,
  machineAddress: string = findMachineAddress(),
): IngestAddresses {
  const at = (address: string, port: number | null): IngestAddresses["srt"] => {
    if (port === null || port === 0) return null;
    const reachable = /^(0\.0\.0\.0|::)$/.test(address) ? machineAddress : address;
    return { host: reachable.includes(":") ? `[${reachable}]` : reachable, port };
  };
  return { rtmp: at(rtmpHost, rtmp), rtmps: at(host, rtmps), srt: at(host, srt) };
}

/** The addresses behind `host`: all of this machine where it stands for them. */
export function reachableAddresses(host: string): string[] {
  if (!/^(0\.0\.0\.0|::)$/.test(host)) return [host];
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.flatMap(({ address, internal, scopeid }) => (internal || (scopeid ?? 0) !== 0 ? [] : [address]));
}

/** IP addresses that senders of WHIP are told: the given ones, else that of the listener, or all of this machine. */
export function listAnnouncedAddresses(
  host: string,
  given: readonly string[],
  machineAddresses: readonly string[] = listMachineAddresses(),
): readonly string[] {
  if (given.length > 0) return given;
  if (!/^(0\.0\.0\.0|::)$/.test(host)) return [host];
  return machineAddresses.length === 0 ? ["127.0.0.1"] : machineAddresses;
}

/** This machine's first IPv4 address in its network, which a phone in the same network reaches; loopback without any. */
function findMachineAddress(): string {
  return listMachineAddresses()[0] ?? "127.0.0.1";
}
