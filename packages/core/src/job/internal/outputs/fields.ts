/**
 * What every output has in common, and the server's own value shapes that occur in outputs.
 *
 * @since 0.1.0
 */

/**
 * A value of the server that is handed on as it is, with the server's own key names.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldData = Readonly<Record<string, unknown>>

/**
 * A reference to an image on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageField {
  readonly image_name: string
}

/**
 * A reference to a video on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface VideoField {
  readonly video_name: string
}

/**
 * A reference to latents. They stay on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface LatentsField {
  readonly latents_name: string
  readonly seed?: number | null
}

/**
 * A reference to an encoded prompt. It stays on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConditioningField {
  readonly conditioning_name: string
  readonly [key: string]: unknown
}

/**
 * A reference to a tensor. It stays on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface TensorField {
  readonly tensor_name: string
}

/**
 * A colour; each part is 0 to 255.
 *
 * @category models
 * @since 0.1.0
 */
export interface ColorField {
  readonly r: number
  readonly g: number
  readonly b: number
  readonly a: number
}

/**
 * A rectangle in an image, in pixels, with the confidence of its detection where there is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface BoundingBoxField {
  readonly x_min: number
  readonly x_max: number
  readonly y_min: number
  readonly y_max: number
  readonly score?: number | null
}

/**
 * A model as the server names it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelIdentifierField {
  readonly key: string
  readonly hash: string
  readonly name: string
  readonly base: string
  readonly type: string
  readonly submodel_type?: string | null
}

/**
 * Where an output comes from.
 *
 * **Details**
 *
 * `nodeId` is the id in the workflow file, `preparedId` the id that the server gave to this one execution of the node.
 * `iteration` has the position, from 0, in each `iterate` node around it, the outermost first; it is empty outside of
 * iterations. `index` counts the outputs of the node in iteration order.
 *
 * A server tells which iteration an execution belonged to when the queue item has ended, and not before: a running item
 * shows no graph, and events name the node and its execution only. So in outputs that are handed on while the item runs
 * (`outputStream`, events), and in what is left of an item that was lost, `iteration` is known outside of iterations and
 * at an `iterate` node that is in no other; elsewhere it is null, and `index` counts in the order in which the outputs came.
 * `preparedId` finds the same output among those of the job's end.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputOrigin {
  readonly nodeId: string
  /** The label that the author of the workflow gave the node, or else the title of its type; "" where neither is known. */
  readonly nodeLabel: string
  readonly nodeType: string
  readonly preparedId: string
  readonly itemId: number
  readonly sessionId: string
  /** The position of the queue item in its batch, from 0. */
  readonly run: number
  readonly iteration: ReadonlyArray<number> | null
  readonly index: number
  /** Whether the node was told that its result is not to be kept. */
  readonly isIntermediate: boolean
  /** The board that the node was told to write to. */
  readonly boardId: string | null
}

/**
 * What every output has.
 *
 * **Details**
 *
 * `type` is the server's name of the output type, and `data` the server's output as it came.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkOutputBase<Tag extends string> extends OutputOrigin {
  readonly _tag: Tag
  readonly type: string
  readonly data: FieldData
}

/**
 * An output of a type that this version of the library does not know, or whose fields are not what they used to be.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkUnknownOutput extends InkOutputBase<"InkUnknownOutput"> {}

/**
 * Tag of an output type, and the kind of value that each of the server's fields holds. `[]` marks a list, `?` a value
 * that may be null.
 *
 * @internal
 */
export type OutputShape = readonly [tag: string, fields: Readonly<Record<string, string>>]
