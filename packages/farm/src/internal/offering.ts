/** Checks the rows of a run, and stores them as items. */
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import type { Problem } from "@effect-invokeai/core/batch/WorkflowProblems"
import { formatProblem } from "@effect-invokeai/core/batch/WorkflowProblems"
import type { InkField } from "@effect-invokeai/core/field/InkField"
import * as Run from "@effect-invokeai/core/run/Run"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as WorkflowInterface from "@effect-invokeai/core/workflow/WorkflowInterface"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { InvalidRows, type RowProblem } from "../FarmError.ts"
import { Row } from "../Rows.ts"
import { canonical, contentId, type Requirements } from "./database.ts"

/** Names of runs and items are parts of file names. */
export const isName = (name: unknown): name is string =>
  typeof name === "string" && /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N} ._-]{0,98}[\p{L}\p{M}\p{N}_-])?$/u.test(name)

/** What a name looks like. */
export const nameRule = "1 to 100 letters, digits, spaces, \".\", \"_\" or \"-\", beginning with a letter or digit"

/** An item that was checked. `inputs` is canonical JSON. */
export interface CheckedItem {
  readonly item: string
  readonly inputs: string
  readonly line: number
}

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

/** Fields whose value is a string or converted from one. */
const plain =
  /^Ink(Integer|Float|String|Boolean|Enum|Scheduler|Image|Video|Board|StylePreset|SystemPrompt|SavedWorkflow)Field$/

/** Lists and objects in a cell are JSON. */
const fromText = (field: InkField, value: unknown): unknown =>
  typeof value !== "string" || plain.test(field._tag) || !/^\s*[[{]/.test(value)
    ? value
    : Option.getOrElse(parseJson(value), () => value)

/** How rows become items. */
export interface RowOptions {
  /** The column with the ids. */
  readonly id: string | undefined
  /** Columns that are not inputs. */
  readonly ignore: ReadonlyArray<string>
  /** Replaces relative paths of images. */
  readonly imagePath: ImagePath
}

/** What the rows of a run are. */
export interface CheckedRows {
  readonly items: ReadonlyArray<CheckedItem>
  /** The public names of the inputs that rows set. */
  readonly columns: ReadonlyArray<string>
  readonly rows: number
  readonly idColumn: string | undefined
}

/** How many problems are kept. */
const maxProblems = 1000

/** Collects problems; of those that all rows share, the first. */
const makeProblems = () => {
  const problems: Array<RowProblem> = []
  const shared = new Set<string>()
  let total = 0
  const add = (problem: RowProblem): void => {
    total++
    if (problems.length < maxProblems) problems.push(problem)
  }
  return {
    add,
    addOnce: (key: string, problem: RowProblem): void => {
      if (shared.has(key)) return
      shared.add(key)
      add(problem)
    },
    check: (run: string) =>
      Effect.suspend(() =>
        total === 0
          ? Effect.void
          : Effect.fail(
            new InvalidRows({ run, problems: problems.toSorted((one, other) => one.line - other.line), total })
          )
      )
  }
}

/** Whether a URL has a user or password, which would be stored and reported, and is never sent. */
const hasCredentials = (url: string): boolean => {
  const parsed = URL.parse(url)
  return parsed !== null && (parsed.username !== "" || parsed.password !== "")
}

const withCredentials =
  "the URL contains credentials, which a farm does not store: save the image to a file, or use a URL without them"

const pathOrName = /^(?!https?:|data:|file:)/i

/** Makes the paths in a value absolute. */
export type ImagePath = (field: InkField, value: unknown) => Effect.Effect<unknown, string>

/** Replaces relative paths of images by absolute ones, because workers run in other directories. */
export const makeImagePaths = Effect.fnUntraced(function*(base: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const known = new Map<string, boolean>()
  const exists = (file: string) =>
    Effect.suspend(() => {
      const seen = known.get(file)
      return seen !== undefined
        ? Effect.succeed(seen)
        : Effect.tap(Effect.orElseSucceed(fs.exists(file), () => false), (found) =>
          Effect.sync(() => void known.set(file, found)))
    })
  const one = Effect.fnUntraced(function*(value: unknown) {
    const url = value instanceof URL ? value.href : value
    if (typeof url === "string" && /^https?:/i.test(url) && hasCredentials(url)) {
      return yield* Effect.fail(withCredentials)
    }
    if (value instanceof URL) return value.href
    if (value instanceof Uint8Array || value instanceof ArrayBuffer || value instanceof Blob) {
      return yield* Effect.fail("expected the path, URL or name of an image: a farm does not store its content")
    }
    if (typeof value !== "string" || !pathOrName.test(value) || value.trim() === "") return value
    const file = path.resolve(base, value)
    if (yield* exists(file)) return file
    // the server names its images by UUIDs
    const isOnServer = !/[\\/]/.test(value) && (/^[0-9a-f-]{36}\.png$/i.test(value) || !/\.\w{2,5}$/.test(value))
    return isOnServer ? value : yield* Effect.fail(`the file ${file} does not exist`)
  })
  const imagePath: ImagePath = (field, value) =>
    field._tag === "InkImageField"
      ? one(value)
      : field._tag === "InkImageCollectionField" && Array.isArray(value)
      ? Effect.forEach(value, one)
      : Effect.succeed(value)
  return imagePath
})

/** An id as it is stored: two spellings of one name would be one file. */
const idOf = (value: unknown): unknown =>
  typeof value === "number" ? String(value) : typeof value === "string" ? value.normalize("NFC") : value

/**
 * Checks all rows, and returns their items. Rows with the same id and the same values are one item.
 *
 * Everything that is wrong is found before anything is stored.
 */
export const checkRows = Effect.fnUntraced(function*<E, R>(
  run: string,
  workflow: Workflow.Workflow,
  rows: Stream.Stream<Row | Readonly<Record<string, unknown>>, E, R>,
  options: RowOptions
) {
  const problems = makeProblems()
  const self = WorkflowInterface.make(workflow)
  const publicNames = new Map(self.inputs.map(({ name, systemName }) => [systemName, name]))
  const idColumn = options.id ?? (self.inputs.some(({ name }) => name === "id") ? undefined : "id")
  const ignored = new Set(options.ignore)
  const items = new Map<string, CheckedItem>()
  const columns = new Set<string>()
  const withoutId: Array<RowProblem> = []
  let header: number | undefined
  const inputs = new Map<string, Option.Option<{ readonly name: string; readonly field: InkField }>>()

  const inputOf = Effect.fnUntraced(function*(column: string, line: number) {
    const known = inputs.get(column)
    if (known !== undefined) return Option.getOrUndefined(known)
    const found = yield* Effect.result(Workflow.getInput(workflow, column))
    if (found._tag === "Failure") {
      problems.addOnce(column, { line, column, message: found.failure.message })
      inputs.set(column, Option.none())
      return undefined
    }
    const input = { name: publicNames.get(found.success.systemName) ?? column, field: found.success.field }
    inputs.set(column, Option.some(input))
    columns.add(input.name)
    return input
  })

  const describe = (line: number, { systemName, ...problem }: Problem): RowProblem => {
    const column = systemName === undefined ? undefined : publicNames.get(systemName)
    return column === undefined
      ? { line, message: formatProblem(problem) }
      : { line, column, message: problem.message }
  }

  const checkRow = Effect.fnUntraced(function*(row: Row) {
    const { line } = row
    if (row.problem !== undefined) return problems.add({ line, message: row.problem })
    const values: Record<string, unknown> = {}
    let ready: Workflow.Workflow = workflow
    let isValid = true
    const reject = (column: string, message: string): void => {
      isValid = false
      problems.add({ line, column, message })
    }
    for (const [column, given] of Object.entries(row.values)) {
      if (given === undefined || column === idColumn || ignored.has(column)) continue
      const input = yield* inputOf(column, row.header ?? line)
      if (input === undefined) continue
      if (Object.hasOwn(values, input.name)) {
        reject(column, `the row has a value for ${JSON.stringify(input.name)} in another column`)
        continue
      }
      const value = yield* Effect.result(options.imagePath(input.field, fromText(input.field, given)))
      if (value._tag === "Failure") {
        reject(column, value.failure)
        continue
      }
      values[input.name] = value.success
      const set = yield* Effect.result(
        Workflow.setInput(ready, input.name, yield* Run.withoutSources(input.field, value.success))
      )
      if (set._tag === "Success") ready = set.success
      else reject(column, set.failure.message)
    }
    // an invalid value leaves the workflow without one, which is the same problem once more
    if (!isValid) return
    const readiness = WorkflowBatch.validate(ready)
    if (!readiness.isEmpty) return readiness.all.forEach((problem) => problems.add(describe(line, problem)))
    const stored = canonical(values)
    const id = idColumn === undefined ? undefined : idOf(row.values[idColumn])
    if (id === undefined && options.id !== undefined) {
      withoutId.push({ line, column: options.id, message: "the row has no id" })
      header ??= row.header
      return undefined
    }
    if (id !== undefined && !isName(id)) {
      return problems.add({
        line,
        column: idColumn ?? "id",
        message: `expected ${nameRule}, got ${JSON.stringify(id).slice(0, 120)}`
      })
    }
    const item = id ?? contentId(stored)
    const earlier = items.get(item)
    if (earlier !== undefined && earlier.inputs !== stored) {
      const message = `line ${earlier.line} has the same id ${JSON.stringify(item)} and other values`
      return problems.add({ line, column: idColumn ?? "id", message })
    }
    if (earlier === undefined) items.set(item, { item, inputs: stored, line })
  })

  /** One problem if no row has an id: the column is missing or misspelled. */
  const addMissingIds = (rows: number): void => {
    if (options.id === undefined || withoutId.length < 2 || withoutId.length < rows) {
      return withoutId.forEach(problems.add)
    }
    const message = `no row has a value in this column. Columns with values: ${[...columns].join(", ") || "none"}`
    problems.add({ line: header ?? 1, column: options.id, message })
  }

  let number = 0
  yield* Stream.runForEach(rows, (row) => {
    number++
    return checkRow(row instanceof Row ? row : new Row(row, number))
  })
  addMissingIds(number)
  yield* problems.check(run)
  const checked: CheckedRows = { items: [...items.values()], columns: [...columns], rows: number, idColumn }
  return checked
})

/** Fails if rows have ids that the run has with other values. */
export const rejectConflicts = (run: string, idColumn: string | undefined, conflicts: ReadonlyArray<CheckedItem>) => {
  const problems = makeProblems()
  for (const { item, line } of conflicts) {
    const message = `the run has an item ${JSON.stringify(item)} with other values`
    problems.add({ line, column: idColumn ?? "id", message })
  }
  return problems.check(run)
}

/** What a server lacks to run a workflow: node types, and models and other things that no row replaces. */
export const missingOn = Effect.fnUntraced(function*({ columns, definition }: Requirements) {
  const workflow = yield* Workflow.fromJson(definition)
  const supplied = new Set(
    WorkflowInterface.make(workflow).inputs.filter(({ name }) => columns.includes(name)).map(({ systemName }) =>
      systemName
    )
  )
  const problems = yield* WorkflowBatch.check(workflow).pipe(
    Effect.as<ReadonlyArray<Problem>>([]),
    Effect.catchTag("WorkflowNotReady", (error) => Effect.succeed(error.problems))
  )
  return {
    workflow,
    missing: problems.filter(({ code, source, systemName }) =>
      code === "missingNodeTemplate" ||
      (source === "resource" && !(systemName !== undefined && supplied.has(systemName)))
    ).map(formatProblem)
  }
})
