/**
 * The JSON file that is written next to a downloaded image or video: where it comes from and what it was made with.
 *
 * @since 0.1.0
 */
import type { Provenance } from "./Provenance.ts"

/**
 * Optional parts of a sidecar file. `true` for each means: include it.
 *
 * @category models
 * @since 0.1.0
 */
export interface SidecarOptions {
  /** The graph that the server ran. Default true. */
  readonly graph?: boolean | undefined
  /** The workflow as the GUI would open it. Default: `false`. */
  readonly workflow?: boolean | undefined
}

/**
 * The queue item that an image belongs to.
 *
 * @category models
 * @since 0.1.0
 */
export interface SidecarItem {
  /** The id of the queue item. */
  readonly item_id: number
  /** The id of the session in which the server ran the item. */
  readonly session_id: string
  /** The id of the batch. */
  readonly batch_id: string
  /** The position of the queue item in its batch, from 0. */
  readonly item_index: number
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
  /** The id of the node in the workflow file. */
  readonly id: string
  /** The author's label of the node, or else the title of its type; `""` if both are unknown. */
  readonly label: string
  /** The type of the node. */
  readonly type: string
  /** Position among the outputs of the node, from 0, in iteration order. */
  readonly index: number
  /** Position in each iteration around the node, the outermost first. */
  readonly iteration: ReadonlyArray<number> | null
}

/**
 * The content of a sidecar file. Keys are the server's own; sizes are in pixels, times in seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sidecar {
  /** The name of the image on the server. Absent for a video. */
  readonly image_name?: string
  /** The name of the video on the server. Absent for an image. */
  readonly video_name?: string
  /** Of a video, in seconds. */
  readonly duration?: number
  /** In pixels. */
  readonly width: number
  /** In pixels. */
  readonly height: number
  /** When the server stored the image, ISO 8601 in UTC. */
  readonly created_at: string
  /** The id of the board that the image is on; null if it is on none. */
  readonly board_id: string | null
  /** The node that the image comes from; null for an image that was not downloaded as the output of a job. */
  readonly node: SidecarNode | null
  /** The queue item that the image belongs to; null for an image that was not downloaded as the output of a job. */
  readonly item: SidecarItem | null
  /**
   * The inputs on the workflow's form, in form order, with the values of this run, each with its user name and its
   * system name; null if the image holds no workflow.
   */
  readonly inputs: Provenance["inputs"]
  /** The seed nearest upstream of the image in the graph, or else the one in the image's metadata. See `Provenance`. */
  readonly seed: number | null
  /**
   * The model nearest upstream of the image in the graph, or else the one in the image's metadata. See `Provenance`.
   */
  readonly model: unknown
  /** The image's metadata, from `GET /api/v1/images/i/{image_name}/metadata`; null if it has none. */
  readonly metadata: Readonly<Record<string, unknown>> | null
  /** The graph, as the image holds it. Present only if requested. */
  readonly graph?: unknown
  /** The workflow, as the image holds it. Present only if requested. */
  readonly workflow?: unknown
}

/**
 * The sidecar's text: indented JSON with a line break at its end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const toText = (sidecar: Sidecar): string => `${JSON.stringify(sidecar, null, 2)}\n`
