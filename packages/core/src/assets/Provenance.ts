/**
 * What an image was made with, read from the graph and the workflow that the server keeps in it.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Form from "../definition/Form.ts"
import * as WorkflowDefinition from "../definition/WorkflowDefinition.ts"
import { type ItemOutput, seedOf } from "../job/Outputs.ts"
import { systemName } from "../workflow/InkWorkflowInput.ts"

/**
 * An input of a workflow with the value that a run had.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProvenanceInput {
  /** The author's label, or else the field's name. Not unique. */
  readonly user_name: string
  /** `{nodeId}.{fieldName}`. */
  readonly system_name: string
  /** The value that the server received; null if there was none, or if it came from a node whose result is unknown. */
  readonly value: unknown
}

/**
 * An image's graph and workflow, and what is known of the queue item that made the image.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProvenanceSource {
  /** The graph that the image holds. */
  readonly graph: unknown
  /** The workflow that the image holds. */
  readonly workflow: unknown
  /** The node of the graph that made the image, if known. */
  readonly nodeId?: string | undefined
  /** The iteration in which the node made the image, if known. */
  readonly iteration?: ReadonlyArray<number> | null | undefined
  /**
   * The queue item. Its field values take precedence over the graph, and its outputs tell which values came over
   * connections.
   */
  readonly item?: Pick<ItemOutput, "fieldValues" | "outputs"> | undefined
}

/**
 * The inputs, seed and model that an image was made with.
 *
 * **Details**
 *
 * Seed and model are null if nothing upstream has one, if the nearest seed came over a connection and is not known, or
 * if the image's node is not known and the ends of the graph disagree.
 *
 * **Gotchas**
 *
 * An image that the server took from its invocation cache holds the workflow of the run that made it. Seed and model
 * are the same then; inputs that the image does not depend on may differ.
 *
 * @category models
 * @since 0.1.0
 */
export interface Provenance {
  /** The inputs on the form of the workflow, in form order; null if the image holds no workflow. */
  readonly inputs: ReadonlyArray<ProvenanceInput> | null
  /**
   * The seed of the node nearest upstream of the image that has one. If it came over connections, the one that was set
   * or drawn for it, as in `InkImageOutput`. Null if it is unknown.
   */
  readonly seed: number | null
  /**
   * The main model, as the server names it, of the node nearest upstream of the image that has one. If no node has a
   * main model, any other `model`. Null if it is unknown.
   */
  readonly model: Readonly<Record<string, unknown>> | null
}

type Data = Readonly<Record<string, unknown>>

interface Source {
  readonly nodeId: string
  readonly field: string
}

interface View {
  readonly nodes: ReadonlyMap<string, Data>
  /** By node, by field. */
  readonly incoming: ReadonlyMap<string, ReadonlyMap<string, Source>>
  readonly ends: ReadonlyArray<string>
  readonly source: ProvenanceSource
}

const own = (data: unknown, key: string): unknown =>
  Predicate.isObject(data) && Object.hasOwn(data, key) ? data[key] : undefined

const isFilled = (value: unknown): boolean => value !== undefined && value !== null

const viewOf = (source: ProvenanceSource): View => {
  const nodes = new Map<string, Data>()
  const all = own(source.graph, "nodes")
  for (const [id, node] of Predicate.isObject(all) ? Object.entries(all) : []) {
    if (Predicate.isObject(node)) nodes.set(id, node)
  }
  const incoming = new Map<string, Map<string, Source>>()
  const sources = new Set<string>()
  const edges = own(source.graph, "edges")
  for (const edge of Array.isArray(edges) ? edges : []) {
    const [from, to] = [own(edge, "source"), own(edge, "destination")]
    const nodeId = own(from, "node_id")
    const field = own(from, "field")
    const target = own(to, "node_id")
    const targetField = own(to, "field")
    if (
      typeof nodeId !== "string" || typeof field !== "string" || typeof target !== "string" ||
      typeof targetField !== "string"
    ) continue
    sources.add(nodeId)
    const fields = incoming.get(target) ?? new Map<string, Source>()
    fields.set(targetField, { nodeId, field })
    incoming.set(target, fields)
  }
  return { nodes, incoming, ends: [...nodes.keys()].filter((id) => !sources.has(id)), source }
}

/** What a node gave, in the iteration of the image or around it. */
const resultOf = ({ source }: View, { field, nodeId }: Source): unknown => {
  const outputs = source.item?.outputs.filter((output) => output.nodeId === nodeId) ?? []
  const iteration = source.iteration ?? []
  const around = outputs.filter((output) => (output.iteration ?? []).every((step, depth) => step === iteration[depth]))
  const found = around.length === 1 ? around[0] : outputs.length === 1 ? outputs[0] : undefined
  return found === undefined ? undefined : own(found.data, field)
}

/** The value of a field of a node; undefined if unknown. */
const valueOf = (view: View, nodeId: string, field: string): unknown => {
  const given = view.source.item?.fieldValues.find((value) => value.nodeId === nodeId && value.fieldName === field)
  if (given !== undefined) return given.value
  const connection = view.incoming.get(nodeId)?.get(field)
  return connection === undefined ? own(view.nodes.get(nodeId), field) : resultOf(view, connection)
}

/** What is found nearest to a node, upstream and in the node itself. */
const nearest = <A>(view: View, start: string, pick: (nodeId: string) => A | undefined): A | undefined => {
  const seen = new Set([start])
  // grows while it is read
  const waiting = [start]
  for (const nodeId of waiting) {
    const found = pick(nodeId)
    if (found !== undefined) return found
    for (const { nodeId: next } of view.incoming.get(nodeId)?.values() ?? []) {
      if (!seen.has(next)) {
        seen.add(next)
        waiting.push(next)
      }
    }
  }
  return undefined
}

/** What the image's node has, or all ends of the graph have, if they agree. */
const fromImage = <A>(view: View, find: (start: string) => A | undefined): A | null => {
  const { nodeId } = view.source
  const starts = nodeId !== undefined && view.nodes.has(nodeId) ? [nodeId] : view.ends
  const found = new Map<string, A>()
  for (const start of starts) {
    const value = find(start)
    if (value !== undefined) found.set(JSON.stringify(value), value)
  }
  const [only] = found.values()
  return found.size === 1 && only !== undefined ? only : null
}

const seedAt = (view: View, start: string): number | null | undefined =>
  seedOf({
    nodes: view.nodes,
    incoming: new Map(Array.from(view.incoming, ([target, fields]) => [
      target,
      Array.from(fields, ([targetField, from]) => ({
        source: from.nodeId,
        sourceField: from.field,
        target,
        targetField
      }))
    ])),
    valueOf: (nodeId, field) => valueOf(view, nodeId, field),
    resultOf: (nodeId, field) => resultOf(view, { nodeId, field })
  }, start)

const modelAt = (view: View, accept: (model: Data) => boolean) => (nodeId: string): Data | undefined => {
  const model = valueOf(view, nodeId, "model")
  return Predicate.isObject(model) && typeof model["key"] === "string" && typeof model["name"] === "string" &&
      accept(model)
    ? model
    : undefined
}

const inputsOf = (view: View): Provenance["inputs"] => {
  if (!isFilled(view.source.workflow)) return null
  const definition = WorkflowDefinition.parse(view.source.workflow)
  if (Result.isFailure(definition)) return null
  const { exposedFields, form } = definition.success
  const nodes = new Map(WorkflowDefinition.invocationNodes(definition.success).map((node) => [node.id, node]))
  const fields = Form.isEmpty(form) ? exposedFields : Form.nodeFields(form).map((element) => element.fieldIdentifier)
  return fields.flatMap(({ fieldName, nodeId }) => {
    const stored = nodes.get(nodeId)?.inputs.get(fieldName)
    if (!nodes.has(nodeId)) return []
    const label = stored?.label ?? ""
    const connected = view.incoming.get(nodeId)?.has(fieldName) ?? false
    return [{
      user_name: label === "" ? fieldName : label,
      system_name: systemName(nodeId, fieldName),
      value: valueOf(view, nodeId, fieldName) ?? (connected ? null : stored?.value ?? null)
    }]
  })
}

/**
 * Reads what an image was made with.
 *
 * **Example** (The seed of an image on the server)
 *
 * ```ts
 * import * as Provenance from "@effect-invokeai/core/assets/Provenance"
 * import { Images } from "@effect-invokeai/core/server/Images"
 * import * as Effect from "effect/Effect"
 *
 * const seed = (imageName: string) =>
 *   Effect.gen(function*() {
 *     const images = yield* Images
 *     return Provenance.read(yield* images.workflow(imageName)).seed
 *   })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (source: ProvenanceSource): Provenance => {
  const view = viewOf(source)
  return {
    inputs: inputsOf(view),
    seed: fromImage(view, (start) => seedAt(view, start)),
    model: fromImage(view, (start) => nearest(view, start, modelAt(view, (model) => model["type"] === "main"))) ??
      fromImage(view, (start) => nearest(view, start, modelAt(view, () => true)))
  }
}
