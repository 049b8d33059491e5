/** Rows in aligned columns. */
import * as CliOutput from "effect/cli/CliOutput"

/** Formats rows: columns are as wide as their widest cell, with two spaces in between. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths: Array<number> = []
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, CliOutput.displayWidth(cell))
    }
  }
  const pad = (cell: string, index: number) =>
    cell + " ".repeat(Math.max(0, (widths[index] ?? 0) - CliOutput.displayWidth(cell)))
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n")
}
