/** Log lines as text or JSON; and a status line below them on a terminal. */
import { type Logger, pino } from "pino";
import type { Clock } from "../../core/kit/clock.ts";

/** Destinations of log lines. */
export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** The origin's log. */
export interface OriginLog {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
  /** Shows `text` below the log until the next one; has no effect without a terminal. */
  setStatus(text: string): void;
}

/** Format and level of the log. */
export interface LogOptions {
  readonly json: boolean;
  readonly verbose: boolean;
}

/** The level of pino from which a record is an error. */
const ERROR_LEVEL = 50;
const CLEAR_LINE = "\r\u001B[2K";
const PREFIX: Readonly<Record<number, string>> = { 20: "debug: ", 40: "warning: ", 50: "error: ", 60: "error: " };

/** A log on `terminal`; errors go to `errors`. */
export function createLog(
  { json, verbose }: LogOptions,
  terminal: Terminal,
  clock: Clock,
  errors: Terminal = terminal,
): OriginLog {
  let status = "";
  const showsStatus = !json && terminal.isTTY === true;
  const write = (line: string, isError: boolean): void => {
    if (isError && errors !== terminal) {
      // The status line is below the log, and both may be the same terminal.
      if (showsStatus && status !== "") terminal.write(CLEAR_LINE);
      errors.write(line);
      if (showsStatus && status !== "") terminal.write(status);
    } else terminal.write(showsStatus && status !== "" ? `${CLEAR_LINE}${line}${status}` : line);
  };
  const level = verbose ? "debug" : "info";
  const timestamp = (): string => `,"time":${clock.nowMs()}`;
  const logger: Logger = pino(
    { level, base: null, timestamp },
    { write: (record: string) => write(json ? record : formatLogLine(record), isErrorRecord(record)) },
  );
  return {
    debug: (text) => logger.debug(text),
    info: (text) => logger.info(text),
    warn: (text) => logger.warn(text),
    error: (text) => logger.error(text),
    setStatus: (text) => {
      if (!showsStatus || text === status) return;
      status = text;
      terminal.write(CLEAR_LINE + text);
    },
  };
}

const isErrorRecord = (record: string): boolean => (JSON.parse(record) as { level: number }).level >= ERROR_LEVEL;

/** `12:00:03 warning: text` from a record of pino. */
export function formatLogLine(record: string): string {
  const { level, time, msg } = JSON.parse(record) as { level: number; time: number; msg?: string };
  const clock = new Date(time).toTimeString().slice(0, 8);
  return `${clock} ${PREFIX[level] ?? ""}${msg ?? ""}\n`;
}
