/**
 * The values that vary between the queue items of one batch.
 *
 * @since 0.1.0
 */

/**
 * Values for one field of one node.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchDatum {
  /** The id of the node. */
  readonly node_path: string
  /** The name of the field. */
  readonly field_name: string
  /** The values, one for each position in the group. */
  readonly items: ReadonlyArray<unknown>
}

/**
 * Batch data: a product of groups; the lists of a group vary in lockstep.
 *
 * @category models
 * @since 0.1.0
 */
export type BatchData = ReadonlyArray<ReadonlyArray<BatchDatum>>
