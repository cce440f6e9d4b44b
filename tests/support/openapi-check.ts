/** Checks responses against the OpenAPI document: address, method, status, media type and body. */
import { z } from "zod";
import type { OpenApiDocument } from "../../workers/api/openapi.ts";

/** A response with its request. */
export interface CheckedExchange {
  readonly method: string;
  readonly path: string;
  readonly answer: Response;
}

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema?: Json }>> }>>;
}

/** Addresses outside the document: pages and their files. */
const UNDOCUMENTED = /^\/(?!(api|rooms|ingest|live|metrics|dev|openapi\.json)(\/|$|\?))/;

/** Checks responses by one document. */
export class OpenApiChecker {
  readonly #document: OpenApiDocument;
  readonly #paths: readonly { readonly pattern: RegExp; readonly operations: Readonly<Record<string, Operation>> }[];
  readonly #schemas = new Map<Json, z.ZodType>();

  constructor(document: OpenApiDocument) {
    this.#document = document;
    this.#paths = Object.entries(document.paths).map(([path, operations]) => ({
      pattern: new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`),
      operations: operations as unknown as Readonly<Record<string, Operation>>,
    }));
  }

  /** The error of a response, or null. */
  async complaint({ method, path, answer }: CheckedExchange): Promise<string | null> {
    const { status } = answer;
    const about = `${method} ${path}: ${status}`;
    if (UNDOCUMENTED.test(path)) return null;
    const address = path.replace(/[?#].*$/s, "");
    const known = this.#paths.find(({ pattern }) => pattern.test(address));
    const operation = known?.operations[(method === "HEAD" ? "GET" : method).toLowerCase()];
    if (operation === undefined) {
      const expected = known === undefined ? [204, 400, 404, 405] : [204, 400, 403, 404, 405, 503];
      return expected.includes(status) ? null : `${about} is the answer of an operation that the document lacks`;
    }
    const documented = operation.responses[String(status)];
    if (documented === undefined) return `${about} is a status that the document lacks`;
    if (method === "HEAD" || documented.content === undefined || status === 204) return null;
    const mediaType = answer.headers.get("content-type")?.replace(/;.*$/, "") ?? "";
    const content = documented.content[mediaType];
    if (content === undefined) return `${about} has the media type ${mediaType}, which the document lacks`;
    if (content.schema === undefined) return null;
    const result = this.#schemaOf(content.schema).safeParse(await answer.clone().json());
    return result.success ? null : `${about} does not fit the document: ${z.prettifyError(result.error)}`;
  }

  #schemaOf(schema: Json): z.ZodType {
    const known = this.#schemas.get(schema);
    if (known !== undefined) return known;
    const made = z.fromJSONSchema(this.#inline(schema) as Parameters<typeof z.fromJSONSchema>[0]);
    this.#schemas.set(schema, made);
    return made;
  }

  /** A schema with its references resolved. */
  #inline(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#inline(item));
    if (typeof value !== "object" || value === null) return value;
    const { $ref, ...rest } = value as { $ref?: string };
    const members = Object.fromEntries(Object.entries(rest).map(([key, item]) => [key, this.#inline(item)]));
    if ($ref === undefined) return members;
    const named = this.#document.components.schemas[$ref.replace("#/components/schemas/", "")];
    if (named === undefined) throw new Error(`the document lacks ${$ref}`);
    return this.#inline(named);
  }
}
