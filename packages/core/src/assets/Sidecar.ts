/**
 * The JSON file that is written beside a downloaded image or video: where it comes from and what it was made with.
 *
 * @since 0.1.0
 */
import type { Provenance } from "./Provenance.ts"

/**
 * What a sidecar may tell besides what is always in it. `true` for each means: include it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SidecarOptions {
  /** The graph that the server ran. Default true. */
  readonly graph?: boolean | undefined
  /** The workflow as the GUI would open it. Default false. */
  readonly workflow?: boolean | undefined
}

/**
 * The queue item that an image belongs to.
 *
 * @category models
 * @since 0.1.0
 */
export interface SidecarItem {
  readonly item_id: number
  readonly session_id: string
  readonly batch_id: string
  /** The position of the queue item in its batch, from 0. */
  readonly run: number
  /** Seconds from the start of the item to its end. */
  readonly execution_time: number | null
  /** What the batch put into the fields for this item. */
  readonly field_values: ReadonlyArray<{ readonly node: string; readonly field: string; readonly value: unknown }>
}

/**
 * The workflow's node that an image comes from.
 *
 * @category models
 * @since 0.1.0
 */
export interface SidecarNode {
  readonly id: string
  readonly label: string
  readonly type: string
  /** Position among the outputs of the node, from 0, in iteration order. */
  readonly index: number
  /** Position in each iteration around the node, the outermost first. */
  readonly iteration: ReadonlyArray<number> | null
}

/**
 * What stands in a sidecar. Keys are the server's own; sizes are pixels, times are seconds.
 *
 * **Details**
 *
 * - `image_name` or `video_name`: the name on the server.
 * - `created_at`: when the server stored the image, ISO 8601 in UTC.
 * - `node`, `item`: null for an image that was not downloaded as the output of a job.
 * - `inputs`: the inputs on the workflow's form, in form order, with the values of this run, each with its user name and
 *   its system name; null where the image holds no workflow.
 * - `seed`, `model`: those nearest upstream of the image in the graph, or else what the image's metadata says. See
 *   `Provenance`.
 * - `metadata`: what the server tells at `GET /api/v1/images/i/{image_name}/metadata`.
 * - `graph`, `workflow`: as the image holds them, there only where asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sidecar {
  readonly image_name?: string
  readonly video_name?: string
  /** Of a video, in seconds. */
  readonly duration?: number
  readonly width: number
  readonly height: number
  readonly created_at: string
  readonly board_id: string | null
  readonly node: SidecarNode | null
  readonly item: SidecarItem | null
  readonly inputs: Provenance["inputs"]
  readonly seed: number | null
  readonly model: unknown
  readonly metadata: Readonly<Record<string, unknown>> | null
  readonly graph?: unknown
  readonly workflow?: unknown
}

/**
 * The sidecar's text: indented JSON with a line break at its end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toText = (sidecar: Sidecar): string => `${JSON.stringify(sidecar, null, 2)}\n`
