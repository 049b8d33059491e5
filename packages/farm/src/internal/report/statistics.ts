/** What a report says about all items together. */
import type { FarmResult } from "../../FarmResult.ts"

/** How many values an input may have to be an axis of the grid. */
const maxAxis = 40

/** The value of an input as one string, to compare and to show it. */
export const textOf = (value: unknown): string => {
  if (typeof value === "string") return value
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return JSON.stringify(value) ?? ""
}

/** The values of an input in the order of the items, numbers ascending. */
const valuesOf = (items: ReadonlyArray<FarmResult>, name: string): ReadonlyArray<string> => {
  const values = new Map<string, unknown>()
  for (const { inputs } of items) if (name in inputs) values.set(textOf(inputs[name]), inputs[name])
  const all = [...values]
  return all.every(([, value]) => typeof value === "number")
    ? all.toSorted(([, a], [, b]) => Number(a) - Number(b)).map(([text]) => text)
    : all.map(([text]) => text)
}

/** The names of all inputs, in the order in which the items have them. */
export const inputNames = (items: ReadonlyArray<FarmResult>): ReadonlyArray<string> => [
  ...new Set(items.flatMap(({ inputs }) => Object.keys(inputs)))
]

/** The inputs that have several values. */
export const variedInputs = (items: ReadonlyArray<FarmResult>): ReadonlyArray<string> =>
  inputNames(items).filter((name) =>
    new Set(items.flatMap(({ inputs }) => name in inputs ? [textOf(inputs[name])] : [])).size > 1
  )

/** A table of items by the values of two inputs. */
export interface Grid {
  readonly rowInput: string
  readonly columnInput: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<{ readonly value: string; readonly cells: ReadonlyArray<ReadonlyArray<FarmResult>> }>
}

/**
 * The grid of two inputs; `undefined` if they have too many values, or if less than half of its cells would have an item.
 */
export const gridOf = (
  items: ReadonlyArray<FarmResult>,
  inputs: readonly [row: string, column: string] | undefined
): Grid | undefined => {
  const varied = variedInputs(items)
  const [rowInput, columnInput] = inputs ?? (varied.length === 2 ? varied : [])
  if (rowInput === undefined || columnInput === undefined) return undefined
  const rowValues = valuesOf(items, rowInput)
  const columns = valuesOf(items, columnInput)
  if (rowValues.length === 0 || columns.length === 0) return undefined
  if (inputs === undefined && (rowValues.length > maxAxis || columns.length > maxAxis)) return undefined
  const cells = new Map<string, Array<FarmResult>>()
  for (const item of items) {
    const key = JSON.stringify([textOf(item.inputs[rowInput]), textOf(item.inputs[columnInput])])
    const cell = cells.get(key)
    if (cell === undefined) cells.set(key, [item])
    else cell.push(item)
  }
  if (inputs === undefined && cells.size * 2 < rowValues.length * columns.length) return undefined
  return {
    rowInput,
    columnInput,
    columns,
    rows: rowValues.map((value) => ({
      value,
      cells: columns.map((column) => cells.get(JSON.stringify([value, column])) ?? [])
    }))
  }
}

/** What a server did. Durations are in milliseconds. */
export interface ServerStatistics {
  readonly server: string
  readonly completed: number
  readonly failed: number
  /** The share of all completed items, from 0 to 1. */
  readonly share: number
  /** Undefined if no completed item has its times. */
  readonly durations: { readonly median: number; readonly most: number; readonly longest: number } | undefined
}

const quantile = (sorted: ReadonlyArray<number>, fraction: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0

/** How long the server worked on an item, in milliseconds. */
export const durationOf = ({ completedAt, startedAt }: FarmResult): number | undefined =>
  startedAt === undefined || completedAt === undefined ? undefined : Math.max(0, completedAt - startedAt)

/** What each server did, by name. */
export const serversOf = (items: ReadonlyArray<FarmResult>): ReadonlyArray<ServerStatistics> => {
  const total = items.filter(({ status }) => status === "completed").length
  const names = [...new Set(items.flatMap(({ server }) => server === undefined ? [] : [server]))].toSorted()
  return names.map((server) => {
    const own = items.filter((item) => item.server === server)
    const completed = own.filter(({ status }) => status === "completed")
    const times = completed.flatMap((item) => durationOf(item) ?? []).toSorted((a, b) => a - b)
    return {
      server,
      completed: completed.length,
      failed: own.filter(({ status }) => status === "failed").length,
      share: total === 0 ? 0 : completed.length / total,
      durations: times.length === 0
        ? undefined
        : { median: quantile(times, 0.5), most: quantile(times, 0.9), longest: times.at(-1) ?? 0 }
    }
  })
}

/** From the first start to the last end, in milliseconds; `undefined` if no item ran. */
export const elapsedOf = (items: ReadonlyArray<FarmResult>): number | undefined => {
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  for (const { completedAt, startedAt } of items) {
    if (startedAt === undefined || completedAt === undefined) continue
    from = Math.min(from, startedAt)
    to = Math.max(to, completedAt)
  }
  return to < from ? undefined : to - from
}
