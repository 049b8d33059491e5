/**
 * What every output has: where it comes from, and the server's data.
 *
 * @since 0.1.0
 */

/**
 * A value of the server that is passed on unchanged, with the server's own key names.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldData = Readonly<Record<string, unknown>>

/**
 * What is known about a node of the workflow apart from its results.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputNode {
  /** The author's label, or else the title of the node's type. */
  readonly label: string
  /** The type of the node, for example `"denoise_latents"`. */
  readonly type: string
  /** Ids of the `iterate` nodes around it, the outermost first and itself included. Absent if unknown. */
  readonly loops?: ReadonlyArray<string>
}

/**
 * Where an output comes from.
 *
 * **Details**
 *
 * The server reports which iteration an execution belongs to only when the queue item has ended: a running item shows no
 * graph, and events name only the node and its execution. So in outputs that are emitted while the item runs
 * (`outputStream`, events), and in those of an item that was lost, `iteration` is known outside of iterations and at an
 * `iterate` node that is in no other. Elsewhere it is `null`, and `index` counts in the order in which the outputs came.
 * `preparedId` finds the same output among those of the completed job.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputOrigin {
  /** Id of the node in the workflow file. */
  readonly nodeId: string
  /** The author's label of the node, or else the title of its type; `""` if both are unknown. */
  readonly nodeLabel: string
  /** The type of the node, for example `"denoise_latents"`. */
  readonly nodeType: string
  /** The id that the server gave this execution of the node. */
  readonly preparedId: string
  /** The id of the queue item. */
  readonly itemId: number
  /** The id of the session in which the server ran the item. */
  readonly sessionId: string
  /** The position of the queue item in its batch, from 0. */
  readonly itemIndex: number
  /**
   * The position, from 0, in each `iterate` node around the node, the outermost first. Empty outside of iterations, `null`
   * if unknown.
   */
  readonly iteration: ReadonlyArray<number> | null
  /** Counts the outputs of the node in iteration order, from 0. */
  readonly index: number
  /** Whether the node is set to produce an intermediate result, which the server does not keep. */
  readonly isIntermediate: boolean
  /** The board that the node writes to; `null` if it has none. */
  readonly boardId: string | null
}

/**
 * What every output has.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkOutputBase<Tag extends string> extends OutputOrigin {
  readonly _tag: Tag
  /** The server's name of the output type. */
  readonly type: string
  /** The server's output, unchanged. */
  readonly data: FieldData
}

/**
 * An output of a type that this version of the library does not know, or whose fields do not fit its type.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkUnknownOutput extends InkOutputBase<"InkUnknownOutput"> {}
