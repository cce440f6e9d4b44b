/** A table with one row an item, whose columns say what they show of it. */
import type { ComponentChildren, VNode } from "preact";

/** A column: its heading, what a cell shows, and whether the cell stands out as bad. */
export type TableColumn<Item> = readonly [
  heading: string,
  cell: (item: Item) => ComponentChildren,
  isBad?: (item: Item) => boolean,
];

interface DataTableProps<Item> {
  readonly items: readonly Item[];
  readonly columns: readonly TableColumn<Item>[];
  readonly keyOf: (item: Item, index: number) => string;
  /** The cells of the first column are headings of their rows. */
  readonly rowHeadings?: boolean;
  readonly class?: string;
}

export function DataTable<Item>({ items, columns, keyOf, rowHeadings, class: name }: DataTableProps<Item>): VNode {
  return (
    <table class={name}>
      <thead>
        <tr>
          {columns.map(([heading]) => (
            <th key={heading} scope="col">
              {heading}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {items.map((item, index) => (
          <tr key={keyOf(item, index)}>
            {columns.map(([heading, cell, isBad], column) =>
              rowHeadings && column === 0 ? (
                <th key={heading} scope="row">
                  {cell(item)}
                </th>
              ) : (
                <td key={heading} class={isBad?.(item) ? "bad" : undefined}>
                  {cell(item)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
