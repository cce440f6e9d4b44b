/** `npm start -- [INPUT] [options]`: broadcasts an input until Ctrl-C or its end; `npm start -- ingest` takes encoders. */
import { readFileSync } from "node:fs";
import type { Platform } from "../core/kit/clock.ts";
import { systemPlatform } from "../core/kit/system-platform.ts";
import { runBroadcast } from "./broadcast.ts";
import { parseIngestOptions, renderIngestHelp } from "./cli/ingest-options.ts";
import { parseBroadcastOptions, renderHelp } from "./cli/options.ts";
import { runIngest } from "./ingest.ts";
import type { EndSignals } from "./ingest-node/cluster-member.ts";
import { errorMessage, PublishError, SourceError, UsageError } from "./kit/errors.ts";
import { createLog, type LogFields, type OriginLog } from "./kit/log.ts";

/** A signal this soon after the first is the same Ctrl-C. */
const ECHO_MS = 500;

// The log's reader may exit and its disk may be full; the broadcast does not depend on it.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const words = process.argv.slice(2);
process.exitCode = await main(words, systemPlatform);
// Idle connections must not keep the process alive.
process.exit();

/** Runs the command; returns the exit code: 0, 1 for a failure, 2 for wrong usage. */
async function main(argv: readonly string[], platform: Platform): Promise<number> {
  const { clock } = platform;
  const isIngest = argv[0] === "ingest";
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(isIngest ? renderIngestHelp() : renderHelp());
    return 0;
  }
  if (argv.includes("--version")) {
    process.stdout.write(`corral ${readVersion()}\n`);
    return 0;
  }
  let command: Command;
  try {
    command = isIngest ? ingestCommand(argv.slice(1)) : broadcastCommand(argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  const { options } = command;
  const logOptions = { json: options.logJson, verbose: options.verbose, fields: command.logFields };
  const log = createLog(logOptions, process.stdout, clock, process.stderr);
  const [stop, drain] = [new AbortController(), new AbortController()];
  let stoppedAtMs = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    // The first SIGTERM of a node with a time for it: broadcasts go on.
    if (signal === "SIGTERM" && command.drainMs > 0 && !stop.signal.aborted && !drain.signal.aborted) {
      stoppedAtMs = clock.monotonicMs();
      drain.abort();
      return;
    }
    if (drain.signal.aborted && !stop.signal.aborted && clock.monotonicMs() - stoppedAtMs <= ECHO_MS) return;
    // One Ctrl-C may arrive twice: from the terminal, and forwarded by npm.
    if (stop.signal.aborted && clock.monotonicMs() - stoppedAtMs > ECHO_MS) process.exit(130);
    if (stop.signal.aborted) return;
    stoppedAtMs = clock.monotonicMs();
    stop.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  try {
    await command.run(log, { stop: stop.signal, drain: drain.signal }, platform);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      log.error(error.message);
      return 2;
    }
    if (error instanceof SourceError || error instanceof PublishError) {
      if (stop.signal.aborted && error instanceof SourceError) return 0;
      log.error(error.message);
      if (options.verbose && error.cause !== undefined) log.debug(errorMessage(error.cause));
      return 1;
    }
    log.error(`Internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return 1;
  }
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}

/** A parsed command line. */
interface Command {
  readonly options: { readonly logJson: boolean; readonly verbose: boolean };
  /** Members of every JSON record: a broadcast's stream. Records of an ingest node name the stream that each is about. */
  readonly logFields: LogFields;
  /** How long SIGTERM lets it go on, milliseconds. */
  readonly drainMs: number;
  readonly run: (log: OriginLog, signals: EndSignals, platform: Platform) => Promise<void>;
}

function broadcastCommand(argv: readonly string[]): Command {
  const options = parseBroadcastOptions(argv, { CORRAL_KEY: process.env.CORRAL_KEY });
  const logFields = { stream: options.stream };
  return {
    options,
    logFields,
    drainMs: 0,
    run: (log, { stop }, platform) => runBroadcast(options, log, stop, platform),
  };
}

function ingestCommand(argv: readonly string[]): Command {
  const options = parseIngestOptions(argv, { CORRAL_INGEST_TOKEN: process.env.CORRAL_INGEST_TOKEN });
  return {
    options,
    logFields: {},
    drainMs: options.drainMs,
    run: (log, signals, platform) => runIngest(options, log, signals, platform),
  };
}
