/**
 * The rows of a run from a file: CSV or JSON lines.
 *
 * **Details**
 *
 * Columns are the public names of the workflow's inputs. A CSV file begins with a row of names, and has text, which the
 * inputs convert: `30`, `true`, `#ff0000`, the name of a model, or JSON for lists and objects. An empty cell leaves the
 * workflow's own value. A JSON line is an object.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Csv from "effect/encoding/Csv"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * A row with its place in the file.
 *
 * @category models
 * @since 0.1.0
 */
export class Row {
  /** The values by column. */
  readonly values: Readonly<Record<string, unknown>>
  /** The line in which the row begins, from 1. */
  readonly line: number
  /** Why the row could not be read. `undefined` if it could. */
  readonly problem: string | undefined
  /** The line with the names of the columns, from 1. `undefined` if each row has its own. */
  readonly header: number | undefined

  /** A row, or a line that is not one. */
  constructor(values: Readonly<Record<string, unknown>>, line: number, problem?: string, header?: number) {
    this.values = values
    this.line = line
    this.problem = problem
    this.header = header
  }
}

const invalid = (line: number, problem: string) => new Row({}, line, problem)

/** Reads the records of a CSV file after its header. */
const toRow = (
  header: ReadonlyArray<string>,
  headerLine: number,
  cells: ReadonlyArray<string>,
  line: number
): Row =>
  cells.length === header.length
    ? new Row(
      Object.fromEntries(header.flatMap((name, at) => cells[at] === "" ? [] : [[name, cells[at]]])),
      line,
      undefined,
      headerLine
    )
    : invalid(line, `expected ${header.length} cells, got ${cells.length}`)

const separators = new Map([[";", "semicolons"], ["\t", "tabs"], [",", "commas"]])

const headerProblem = (header: ReadonlyArray<string>, delimiter: string): string | undefined => {
  const [only = ""] = header
  const other = header.length > 1 ? undefined : [...separators].find(([character]) => only.includes(character))
  if (other !== undefined) {
    const expected = separators.get(delimiter) ?? JSON.stringify(delimiter)
    return `the names are separated by ${other[1]}, not by ${expected}: save the table with ${expected} ` +
      "(or use Rows.fromCsv with the delimiter)"
  }
  const unnamed = header.indexOf("")
  if (unnamed >= 0) return `column ${unnamed + 1} has no name`
  const duplicate = header.find((name, at) => header.indexOf(name) !== at)
  return duplicate === undefined ? undefined : `two columns are named ${JSON.stringify(duplicate)}`
}

/**
 * The rows of CSV text.
 *
 * **Details**
 *
 * Blank lines are skipped. Text without a header, a record with another number of cells than the header, and the first
 * syntax error become rows with a problem, which `farm.offer` reports together with all others.
 *
 * **Example** (Rows in a string)
 *
 * ```ts
 * import * as Rows from "@effect-invokeai/farm/Rows"
 * import * as Stream from "effect/Stream"
 *
 * export const rows = Rows.fromCsv(Stream.make("prompt,seed\na lighthouse,1\n"))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromCsv = <E, R>(text: Stream.Stream<string, E, R>, options?: {
  /** The character between cells. Default: a comma. */
  readonly delimiter?: string | undefined
}): Stream.Stream<Row, E, R> =>
  Stream.suspend(() => {
    let line = 1
    let header: ReadonlyArray<string> | undefined
    let headerLine = 1
    let isBroken = false
    return text.pipe(
      Stream.pipeThroughChannel(Csv.decodeString<E>({ delimiter: options?.delimiter })),
      Stream.map((cells): Row | undefined => {
        const first = line
        line += 1 + cells.reduce((sum, cell) => sum + (cell.match(/\r\n|\r|\n/g)?.length ?? 0), 0)
        if (isBroken || (cells.length === 1 && cells[0]?.trim() === "")) return undefined
        if (header !== undefined) return toRow(header, headerLine, cells, first)
        headerLine = first
        header = cells.map((name) => name.trim())
        const problem = headerProblem(header, options?.delimiter ?? ",")
        isBroken = problem !== undefined
        return problem === undefined ? undefined : invalid(first, problem)
      }),
      Stream.filter((row) => row !== undefined),
      Stream.concat(
        Stream.suspend(() =>
          header === undefined
            ? Stream.succeed(invalid(1, "the file is empty: expected a line with the names of the columns"))
            : Stream.empty
        )
      ),
      Stream.catchIf(
        Csv.isCsvError,
        (error) => Stream.succeed(invalid(error.line, error.message))
      )
    )
  })

const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/**
 * The rows of JSON lines: one object per line.
 *
 * **Details**
 *
 * Blank lines are skipped. A line that is not a JSON object becomes a row with a problem, which `farm.offer` reports
 * together with all others.
 *
 * **Example** (Rows in a string)
 *
 * ```ts
 * import * as Rows from "@effect-invokeai/farm/Rows"
 * import * as Stream from "effect/Stream"
 *
 * export const rows = Rows.fromJsonLines(Stream.make(`{ "prompt": "a lighthouse", "seed": 1 }\n`))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJsonLines = <E, R>(text: Stream.Stream<string, E, R>): Stream.Stream<Row, E, R> =>
  text.pipe(
    Stream.splitLines,
    Stream.zipWithIndex,
    Stream.filter(([line]) => line.trim() !== ""),
    Stream.map(([line, at]) =>
      Result.match(decodeLine(at === 0 ? line.replace(/^\uFEFF/, "") : line), {
        onFailure: () => invalid(at + 1, "the line is not a JSON object"),
        onSuccess: (values) => new Row(values, at + 1)
      })
    )
  )

/**
 * The rows of a file: JSON lines if its name ends in `.jsonl` or `.ndjson`, tab-separated if in `.tsv`, and else CSV.
 *
 * **Details**
 *
 * The file of a spreadsheet program, such as `.xlsx`, becomes a row with a problem: save the table as CSV.
 *
 * **Example** (Rows of a spreadsheet)
 *
 * ```ts
 * import * as Rows from "@effect-invokeai/farm/Rows"
 *
 * export const rows = Rows.fromFile("rows.csv")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFile = (path: string): Stream.Stream<Row, PlatformError.PlatformError, FileSystem.FileSystem> => {
  if (/\.(xlsx?|xlsm|ods|numbers)$/i.test(path)) {
    return Stream.succeed(invalid(1, "the file is a spreadsheet: save the table as CSV"))
  }
  const text = Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => fs.stream(path))).pipe(Stream.decodeText())
  if (/\.(jsonl|ndjson)$/i.test(path)) return fromJsonLines(text)
  return fromCsv(text, { delimiter: /\.tsv$/i.test(path) ? "\t" : undefined })
}
