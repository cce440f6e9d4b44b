/**
 * The branches of a script: function bodies, both sides of `if` and `?:`, right operands of `&&`, `||` and `??`, cases,
 * bodies of loops, handlers. V8 counts blocks only; the syntax tree says which of them are somebody's decision.
 */
import { parseSync } from "@swc/core";

/** A branch by the characters of its script that tell how often it was taken. */
export interface BranchPoint {
  /** What decides: `if`, `else`, `case`, … */
  readonly kind: string;
  /** The character whose count is the branch's. */
  readonly at: number;
  /** For a side that has no text: the branch was taken as often as the character at `at` more than this one. */
  readonly lessAt: number | null;
}

interface Span {
  readonly start: number;
}

interface SyntaxNode {
  readonly type: string;
  readonly span: Span;
  readonly [member: string]: unknown;
}

/** All branches of a script, by its UTF-16 code units. */
export function findBranches(code: string): BranchPoint[] {
  // Spans go on from one parsed text to the next: the first statement tells from where.
  const program = parseSync(`0;${code}`, { syntax: "ecmascript", target: "es2024" }) as unknown as {
    readonly body: readonly SyntaxNode[];
  };
  const base = (program.body[0]?.span.start ?? 0) + 2;
  const unitOf = makeUnitLocator(code);
  const startOf = ({ span }: SyntaxNode): number => unitOf(span.start - base);
  const points: BranchPoint[] = [];
  visit(program.body, (node) => {
    for (const { kind, of, lessThan } of branchesOf(node))
      points.push({ kind, at: startOf(of), lessAt: lessThan === undefined ? null : startOf(lessThan) });
  });
  return points;
}

/** The parser counts bytes of UTF-8, and V8 counts UTF-16 code units. */
function makeUnitLocator(code: string): (byte: number) => number {
  const bytes = Buffer.from(code);
  if (bytes.byteLength === code.length) return (byte) => byte;
  const units = new Uint32Array(bytes.byteLength + 1);
  let unit = 0;
  for (const [at, byte] of bytes.entries()) {
    units[at] = unit;
    // A character's last byte is followed by no continuation; one of four bytes is two units.
    if (((bytes[at + 1] ?? 0) & 0xc0) === 0x80) continue;
    unit += 1;
    if ((bytes[at - 3] ?? 0) >= 0xf0 && (byte & 0xc0) === 0x80) unit += 1;
  }
  units[bytes.byteLength] = unit;
  return (byte) => units[byte] ?? unit;
}

interface Side {
  readonly kind: string;
  readonly of: SyntaxNode;
  readonly lessThan?: SyntaxNode;
}

const asNode = (value: unknown): SyntaxNode | null =>
  typeof value === "object" && value !== null && "type" in value && "span" in value ? (value as SyntaxNode) : null;

/** The branches that one node of the tree decides about. */
function branchesOf(node: SyntaxNode): Side[] {
  const side = (kind: string, member: string): Side[] => {
    const of = asNode(node[member]);
    return of === null ? [] : [{ kind, of }];
  };
  switch (node.type) {
    case "IfStatement": {
      const taken = asNode(node["consequent"]);
      if (taken === null) return [];
      const other: Side[] =
        asNode(node["alternate"]) === null ? [{ kind: "else", of: node, lessThan: taken }] : side("else", "alternate");
      return [{ kind: "if", of: taken }, ...other];
    }
    case "ConditionalExpression":
      return [...side("then", "consequent"), ...side("otherwise", "alternate")];
    case "BinaryExpression":
      return /^(&&|\|\||\?\?)$/.test(String(node["operator"])) ? side(String(node["operator"]), "right") : [];
    case "SwitchStatement":
      return (node["cases"] as readonly SyntaxNode[]).map((of) => ({ kind: "case", of }));
    case "CatchClause":
      return side("catch", "body");
    case "ForStatement":
    case "ForOfStatement":
    case "ForInStatement":
    case "WhileStatement":
      return side("loop", "body");
    case "ArrowFunctionExpression":
    case "FunctionExpression":
    case "FunctionDeclaration":
    case "ClassMethod":
    case "PrivateMethod":
    case "Constructor":
    case "MethodProperty":
    case "GetterProperty":
    case "SetterProperty":
      return functionSide(node);
    default:
      return [];
  }
}

/** Where a function's body is: its own member, or that of the function in a method. */
function functionSide(node: SyntaxNode): Side[] {
  const inner = node["function"] as { readonly body?: unknown } | undefined;
  const body = asNode(inner === undefined ? node["body"] : inner.body);
  return body === null ? [] : [{ kind: "function", of: body }];
}

function visit(value: unknown, see: (node: SyntaxNode) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, see);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const node = asNode(value);
  if (node !== null) see(node);
  for (const member of Object.values(value)) if (typeof member === "object") visit(member, see);
}
