/** Finds and sets the seeds of a workflow. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { isSeedName, randomNumberNodes } from "../../internal/seedFields.ts"
import type { LoadedNode, LoadedWorkflow } from "../LoadedWorkflow.ts"
import type { SeedPolicy, SweptInput } from "../WorkflowValue.ts"
import { resolveConnector, scopeOf } from "./connections.ts"
import { EdgeIndex } from "./edgeIndex.ts"
import { withoutConnections, withValue } from "./edit.ts"
import { isExecutable } from "./nodeTypes.ts"

/** Seeds are 32-bit: the server reduces larger ones, and its `noise` node rejects them. */
const maxSeed = 2 ** 32 - 1

/** A node whose seed can be set. */
export interface SeedTarget {
  readonly nodeId: string
  /** The field that holds the seed: `seed`, or the `low` of a node that draws random numbers. */
  readonly fieldName: string
  readonly maximum: number
  /** The largest seed to draw. Some servers do not draw integers beyond their default `high`. */
  readonly maxDrawn: number
  /** All fields that are set, with the value for a seed. */
  readonly fields: ReadonlyArray<{ readonly fieldName: string; readonly value: (seed: number) => number }>
}

const identity = (seed: number): number => seed

const isSeedField = ({ inputTemplate, node }: LoadedNode, fieldName: string): boolean => {
  const type = inputTemplate(fieldName)?.type
  return isSeedName(fieldName) && type?.name === "IntegerField" && type.cardinality === "SINGLE" &&
    isExecutable(node.nodeType) && node.nodeType !== "core_metadata"
}

const ownSeed = ({ inputTemplate, node }: LoadedNode, fieldName: string): SeedTarget => {
  const maximum = Math.min(inputTemplate(fieldName)?.bounds.value?.maximum ?? maxSeed, maxSeed)
  return { nodeId: node.id, fieldName, maximum, maxDrawn: maximum, fields: [{ fieldName, value: identity }] }
}

/** The seed of a node that draws a random number; `undefined` for other nodes. */
const drawnSeed = ({ inputTemplate, node }: LoadedNode): SeedTarget | undefined => {
  const drawn = randomNumberNodes.get(node.nodeType)
  const [low, high] = [inputTemplate("low"), inputTemplate("high")]
  if (drawn === undefined || low?.type.name !== drawn.type || high?.type.name !== drawn.type) return undefined
  const maximum = Math.min(low.bounds.value?.maximum ?? maxSeed, (high.bounds.value?.maximum ?? Infinity) - drawn.span)
  const usualHigh = typeof high.default === "number" && high.default > 1 ? high.default : maxSeed
  return {
    nodeId: node.id,
    fieldName: "low",
    maximum,
    maxDrawn: Math.min(maximum, usualHigh - drawn.span),
    fields: [{ fieldName: "low", value: identity }, { fieldName: "high", value: (seed) => seed + drawn.span }]
  }
}

/**
 * The seeds of a workflow, in node order: fields with their own seed, and nodes that draw the random number for a seed
 * field, directly or through other nodes.
 */
export const seedTargets = (loaded: LoadedWorkflow): ReadonlyArray<SeedTarget> => {
  const edges = new EdgeIndex(loaded.edges)
  const scope = scopeOf(loaded)
  const isBatched = (nodeId: string, fieldName: string): boolean => {
    const edge = edges.into(nodeId, fieldName)
    if (edge === undefined) return false
    const source = scope.node(edge.source)?.type === "connector"
      ? resolveConnector(scope, edges, edge.source)?.node
      : scope.loaded(edge.source)
    return source === undefined || !isExecutable(source.node.nodeType)
  }
  const found: Array<SeedTarget> = []
  const upstream: Array<string> = []
  for (const [nodeId, loadedNode] of loaded.nodes) {
    const names = new Set([...(loadedNode.template?.inputs.keys() ?? []), ...loadedNode.node.inputs.keys()])
    for (const fieldName of names) {
      if (!isSeedField(loadedNode, fieldName)) continue
      const edge = edges.into(nodeId, fieldName)
      if (edge !== undefined) upstream.push(edge.source)
      else found.push(ownSeed(loadedNode, fieldName))
    }
  }
  const seen = new Set<string>()
  for (let nodeId = upstream.pop(); nodeId !== undefined; nodeId = upstream.pop()) {
    if (seen.has(nodeId)) continue
    seen.add(nodeId)
    const node = loaded.nodes.get(nodeId)
    const target = node === undefined ? undefined : drawnSeed(node)
    if (target === undefined) upstream.push(...edges.to(nodeId).map((edge) => edge.source))
    else if (!target.fields.some(({ fieldName }) => isBatched(nodeId, fieldName))) found.push(target)
  }
  const order = new Map(Array.from(loaded.nodes.keys(), (nodeId, index) => [nodeId, index]))
  return found.toSorted((a, b) => (order.get(a.nodeId) ?? 0) - (order.get(b.nodeId) ?? 0))
}

/** Returns the workflow with some seeds set. Connections into the bounds of a random number are removed. */
export const withSeed = (
  loaded: LoadedWorkflow,
  targets: ReadonlyArray<SeedTarget>,
  seed: number
): LoadedWorkflow =>
  targets.reduce((next, { fields, nodeId }) => {
    const free = withoutConnections(next, nodeId, fields.map(({ fieldName }) => fieldName))
    return fields.reduce((set, { fieldName, value }) => withValue(set, nodeId, fieldName, value(seed)), free)
  }, loaded)

/** The largest seed that all given nodes accept. */
export const maximumOf = (targets: ReadonlyArray<SeedTarget>): number =>
  Math.min(maxSeed, ...targets.map((target) => target.maximum))

/** The seeds of a policy: one for the whole batch, or one for each run. */
export const seedsOf = Effect.fnUntraced(function*(
  policy: Exclude<SeedPolicy, "keep">,
  targets: ReadonlyArray<SeedTarget>,
  runs: number
): Effect.fn.Return<ReadonlyArray<number>> {
  if (typeof policy === "number") return [policy]
  const end = Math.min(maxSeed, ...targets.map((target) => target.maxDrawn)) + 1
  const seeds: Array<number> = []
  for (let run = 0; run < (policy === "perRun" ? runs : 1); run++) seeds.push(yield* Random.nextIntBetween(0, end))
  return seeds
})

/** Seeds as values that vary within a batch, one for each run. */
export const sweptSeeds = (
  targets: ReadonlyArray<SeedTarget>,
  seeds: ReadonlyArray<number>
): ReadonlyArray<SweptInput> =>
  targets.flatMap(({ fields, nodeId }) =>
    fields.map(({ fieldName, value }) => ({ nodeId, fieldName, values: seeds.map(value) }))
  )
