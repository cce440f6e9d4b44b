import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod/mini";
import { COMMANDS } from "../commands/index.ts";
import { ROOM_ERROR_TEXTS } from "../room-errors.ts";
import { SOCKET_CLOSES } from "../socket-closes.ts";
import { CLIENT_FRAME_FIELDS } from "./client-frames.ts";
import { EFFECT_FIELDS } from "./event-schemas.ts";
import { SERVER_FRAME_FIELDS } from "./server-frames.ts";

const document = readFileSync(new URL("../../../docs/room-protocol.md", import.meta.url), "utf8");
/** The cells of the document's tables, without the spaces that align them. */
const rows = document
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim())
      .slice(1, -1),
  );

interface JsonSchema {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

type Fields = Readonly<Record<string, z.ZodMiniType>>;

const toJsonSchema = (fields: Fields): JsonSchema =>
  z.toJSONSchema(z.object(fields), { io: "output", unrepresentable: "any" }) as JsonSchema;

/** A message's members as the document writes them, `?` after those that may be absent. */
function members(fields: Fields): string {
  const { required = [] } = toJsonSchema(fields);
  return Object.keys(fields)
    .map((name) => (required.includes(name) ? name : `${name}?`))
    .join(", ");
}

/** The limits of a schema as the document writes them. */
function limitsOf(schema: JsonSchema): string[] {
  const { minimum, maximum, minLength = 0, maxLength, maxItems, anyOf = [], items, properties = {} } = schema;
  const own = [];
  if (maxItems !== undefined) own.push(`at most ${maxItems}`);
  if (maxLength !== undefined) own.push(`${minLength}–${maxLength} characters`);
  if (minimum !== undefined) own.push(maximum === Number.MAX_SAFE_INTEGER ? `≥ ${minimum}` : `${minimum}–${maximum}`);
  if (schema.enum !== undefined) {
    const numeric = schema.enum.every((each) => typeof each === "number");
    own.push(numeric ? `${schema.enum[0]}–${schema.enum.at(-1)}` : schema.enum.join(" "));
  }
  if (schema.const !== undefined) own.push(String(schema.const));
  for (const inner of anyOf) own.push(...limitsOf(inner), ...(inner.type === "null" ? ["or null"] : []));
  if (items !== undefined) own.push(...limitsOf(items).map((limit) => `each ${limit}`));
  for (const [name, inner] of Object.entries(properties)) {
    const limits = limitsOf(inner);
    if (limits.length > 0) own.push(`\`${name}\` ${limits.join(", ")}`);
  }
  return own;
}

const limits = (fields: Fields): string => limitsOf(toJsonSchema(fields)).join("; ");

test("the document's table of commands lists each command with its members, minimum rank and limits", () => {
  const wanted = Object.values(COMMANDS).map(({ kind, fields, minRank }) => [
    `\`${kind} { ${members(fields)} }\``,
    minRank,
    limits(fields),
  ]);
  const commands = rows.filter(([, rank = ""]) => ["viewer", "moderator", "host"].includes(rank));
  expect(commands.map((row) => row.slice(0, 3))).toEqual(wanted);
});

/** A frame as the document writes it. */
const frameCell = (type: string, fields: Fields): string =>
  `\`{ type: "${type}"${Object.keys(fields).length === 0 ? "" : `, ${members(fields)}`} }\``;

/** Rows of the document's tables of frames, those of clients or of the server. */
const frameRows = (fields: object): string[][] =>
  rows.filter(([cell = ""]) => Object.keys(fields).some((type) => cell.startsWith(`\`{ type: "${type}"`)));

test("the table of client frames lists each frame with its members and limits", () => {
  const wanted = Object.entries(CLIENT_FRAME_FIELDS).map(([type, fields]) => {
    const { act: _act, ...rest }: Fields = { ...fields };
    return [frameCell(type, fields), limits(rest)];
  });
  expect(frameRows(CLIENT_FRAME_FIELDS).map((row) => row.slice(0, 2))).toEqual(wanted);
});

test("the table of server frames lists each frame with its members", () => {
  const wanted = Object.entries(SERVER_FRAME_FIELDS).map(([type, fields]) => frameCell(type, fields));
  expect(frameRows(SERVER_FRAME_FIELDS).map(([cell]) => cell)).toEqual(wanted);
});

test("the document lists each kind of event with its members, each error and each close code", () => {
  for (const [kind, fields] of Object.entries<Fields>(EFFECT_FIELDS)) {
    const shape = Object.keys(fields).length === 0 ? "" : ` { ${members(fields)} }`;
    expect(document, kind).toContain(`\`${kind}${shape}\``);
  }
  for (const code of Object.keys(ROOM_ERROR_TEXTS)) expect(document, code).toContain(`\`${code}\``);
  expect(rows.flatMap(([code = ""]) => (/^4\d{3}$/.test(code) ? [Number(code)] : []))).toEqual(
    Object.values(SOCKET_CLOSES).map(({ code }) => code),
  );
});
