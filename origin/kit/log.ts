/** Log lines as text or JSON; and a status line below them on a terminal. */
import { type Logger, pino } from "pino";
import type { Clock } from "../../core/kit/clock.ts";

/** Destinations of log lines. */
export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Further members of a JSON record; `event` names what happened, and is "message" without. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** The origin's log. */
export interface OriginLog {
  /** Whether somebody reads it on a terminal, as text. */
  readonly isOnTerminal: boolean;
  debug(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  /** Shows `text` below the log until the next one; has no effect without a terminal. */
  setStatus(text: string): void;
}

/** A log of lines, whose records have further members. */
export type LineLog = Pick<OriginLog, "debug" | "info" | "warn" | "error">;

/** `log`, with `base` in every record. */
export function withLogFields(log: LineLog, base: LogFields): LineLog {
  return {
    debug: (text, fields) => log.debug(text, { ...base, ...fields }),
    info: (text, fields) => log.info(text, { ...base, ...fields }),
    warn: (text, fields) => log.warn(text, { ...base, ...fields }),
    error: (text, fields) => log.error(text, { ...base, ...fields }),
  };
}

/** Format and level of the log. */
export interface LogOptions {
  readonly json: boolean;
  readonly verbose: boolean;
  /** Members of every JSON record. */
  readonly fields?: LogFields;
}

/** The members of pino's record that a line of text shows; `time` is ms since the epoch. */
interface LogRecord {
  readonly level: string;
  readonly time: number;
  readonly msg?: string;
}

const CLEAR_LINE = "\r\u001B[2K";
const PREFIX: Readonly<Record<string, string>> = { debug: "debug: ", warn: "warning: ", error: "error: " };
/** The event of a record that has only a text. */
const MESSAGE = { event: "message" };

/** A log on `terminal`; errors go to `errors`. */
export function createLog(
  { json, verbose, fields: base = {} }: LogOptions,
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
    { level, base, timestamp, formatters: { level: (label) => ({ level: label }) } },
    {
      write: (line: string) => {
        const record = JSON.parse(line) as LogRecord;
        write(json ? line : formatLogLine(record), record.level === "error");
      },
    },
  );
  return {
    isOnTerminal: showsStatus,
    debug: (text, fields) => logger.debug({ ...MESSAGE, ...fields }, text),
    info: (text, fields) => logger.info({ ...MESSAGE, ...fields }, text),
    warn: (text, fields) => logger.warn({ ...MESSAGE, ...fields }, text),
    error: (text, fields) => logger.error({ ...MESSAGE, ...fields }, text),
    setStatus: (text) => {
      if (!showsStatus || text === status) return;
      status = text;
      terminal.write(CLEAR_LINE + text);
    },
  };
}

/** `12:00:03 warning: text` from a record of pino. */
export function formatLogLine({ level, time, msg }: LogRecord): string {
  const clock = new Date(time).toTimeString().slice(0, 8);
  return `${clock} ${PREFIX[level] ?? ""}${msg ?? ""}\n`;
}
