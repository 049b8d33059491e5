/**
 * What nodes of the simulator do instead of their normal behavior.
 *
 * @since 0.1.0
 */
import type { GraphNode } from "./internal/simulatorGraph.ts"

/** Progress that a node reports before its result. */
interface NodeProgress {
  /**
   * How many steps the node takes and reports, each as long as `stepDuration`.
   *
   * @default 0
   */
  readonly steps?: number | undefined
}

/**
 * What a node of some type does instead of its normal behavior.
 *
 * @category node results
 * @since 0.1.0
 */
export type NodeOverride = (
  node: GraphNode,
  call: number
) =>
  & NodeProgress
  & (
    | { readonly _tag: "RunsNormally" }
    | { readonly _tag: "Output"; readonly output: Readonly<Record<string, unknown>> }
    | { readonly _tag: "Failure"; readonly errorType: string; readonly errorMessage: string }
  )
