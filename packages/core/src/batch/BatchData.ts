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
  readonly node_path: string
  readonly field_name: string
  readonly items: ReadonlyArray<unknown>
}

/**
 * Batch data: a product of groups, each of which holds data that run side by side.
 *
 * @category models
 * @since 0.1.0
 */
export type BatchData = ReadonlyArray<ReadonlyArray<BatchDatum>>
