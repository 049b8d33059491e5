/**
 * Options of farms, servers and runs.
 *
 * @since 0.1.0
 */
import type * as Run from "@effect-invokeai/core/run/Run"
import type * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { ServerProblem } from "./FarmError.ts"
import type { FarmStore } from "./FarmStore.ts"
import type { Row } from "./Rows.ts"

/**
 * A server of a farm.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions {
  /** The URL of the server. The store has it without credentials, which `connect` provides. */
  readonly url: string | URL
  /**
   * How many items the server may have at the same time, from 1. The server runs one after another; a second one keeps it
   * busy while the files of the first are downloaded.
   *
   * @default 2
   */
  readonly concurrency?: number | undefined
}

/**
 * A file that an item made, before it gets its place.
 *
 * @category models
 * @since 0.1.0
 */
export interface StagedFile {
  /** Where the complete file is now. It is deleted after the item got its result. */
  readonly path: string
  /** The name of the file by the template, with `/` between directories. */
  readonly name: string
}

/**
 * Options of a farm.
 *
 * @category models
 * @since 0.1.0
 */
export interface FarmOptions {
  /** Where runs, items, results and servers are kept. */
  readonly store: FarmStore
  /**
   * Servers of this farm, in addition to those that the store knows. `addServer`, `drainServer` and `removeServer` change them
   * while the farm runs.
   */
  readonly servers?: ReadonlyArray<ServerOptions> | undefined
  /**
   * The directory for the files of items.
   *
   * @default "outputs"
   */
  readonly directory?: string | undefined
  /**
   * Stores the files of an item somewhere else than in `directory`, and returns their paths or URLs in the same order. Files
   * are complete when it is called. It can be called again for the same item, with the same names, after a crash.
   */
  readonly save?:
    | ((
      files: ReadonlyArray<StagedFile>,
      item: {
        /** The name of the run. */
        readonly run: string
        /** The id of the item. */
        readonly item: string
        /** The values of its inputs. */
        readonly inputs: Readonly<Record<string, unknown>>
      }
    ) => Effect.Effect<ReadonlyArray<string>, unknown>)
    | undefined
  /**
   * The client of a server. Default: that of the environment (`INVOKEAI_TOKEN`, `INVOKEAI_EMAIL`, …) with this URL, which
   * gives a server up that has not responded for 30 seconds.
   */
  readonly connect?: ((url: string) => Layer.Layer<NodeInvokeAi.Services, unknown>) | undefined
  /**
   * How long a server must have failed before its items run elsewhere. When it returns, their jobs there are canceled.
   *
   * @default "1 minute"
   */
  readonly serverTimeout?: Duration.Input | undefined
  /**
   * How long a finished run and its results are kept. Files stay.
   *
   * @default "30 days"
   */
  readonly retention?: Duration.Input | undefined
}

/**
 * Options of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfferOptions
  extends Pick<Run.RunOptions, "format" | "quality" | "board" | "deleteOutputs" | "timeout">
{
  /**
   * The column with the ids of items: 1 to 100 letters, digits, spaces, `.`, `_` or `-`. Default: the column `id`, if
   * rows have one and it is not an input; or else the id is derived from the values of the row.
   */
  readonly id?: string | undefined
  /** Columns that are not inputs. Default: none. */
  readonly ignore?: ReadonlyArray<string> | undefined
  /**
   * The directory that relative paths of images start from.
   *
   * @default the current directory
   */
  readonly base?: string | undefined
  /**
   * The name of a file, without its extension: that of `Downloads`, with `{run}`, `{id}` and `{row}` (the position of the item,
   * from 0; `{row:5}` has five digits) in addition. It must give each item a name of its own.
   *
   * @default "{run}/{id}"
   */
  readonly template?: string | undefined
  /**
   * Whether each file gets a sidecar with its inputs, seed and workflow.
   *
   * @default false
   */
  readonly metadata?: boolean | undefined
  /**
   * Which seed items have whose row has none: the one in the workflow (`"keep"`), a random one, or this number.
   *
   * @default "keep"
   */
  readonly seed?: "keep" | "random" | number | undefined
  /**
   * Of several runs, items of the one with the highest priority are taken first.
   *
   * @default 0
   */
  readonly priority?: number | undefined
  /**
   * How many times an item is submitted at most, if its jobs end for reasons that may pass.
   *
   * @default 5
   */
  readonly maxAttempts?: number | undefined
}

/**
 * What an offer did.
 *
 * @category models
 * @since 0.1.0
 */
export interface OfferResult {
  /** The name of the run. */
  readonly run: string
  /** How many rows were read. */
  readonly rows: number
  /** How many items are new. */
  readonly added: number
  /** How many items the run had already. */
  readonly existing: number
  /** The servers that cannot run the workflow now, and why. They are asked again. */
  readonly unsuitable: ReadonlyArray<ServerProblem>
}

/**
 * Rows of a run: records with values by the public name of an input, or rows of a file.
 *
 * @category models
 * @since 0.1.0
 */
export type RowSource<E = never, R = never> =
  | Iterable<Readonly<Record<string, unknown>>>
  | Stream.Stream<Row | Readonly<Record<string, unknown>>, E, R>
