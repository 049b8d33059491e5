import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { type MemoryResources, WorkflowResources } from "@effect-invokeai/core/workflow/WorkflowResources"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Buffer } from "node:buffer"
import { readFileSync } from "node:fs"
import { crc32 } from "node:zlib"

/** A file of the repository as JSON; paths are relative to its root. */
export const readJson = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"))

const catalogs = new Map<string, NodeCatalog.NodeCatalog>()

/** The node types of a server version, from the test fixtures. */
export const catalogOf = (version: string): Effect.Effect<NodeCatalog.NodeCatalog> =>
  Effect.suspend(() => {
    const known = catalogs.get(version)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.fromResult(NodeCatalog.fromOpenApi(readJson(`test/fixtures/catalogs/${version}.json`), { version }))
      .pipe(
        Effect.orDie,
        Effect.tap((catalog) => Effect.sync(() => catalogs.set(version, catalog)))
      )
  })

/** A layer with the node types of 6.14.2, or of another version. */
export const catalogLayer = (version = "6.14.2"): Layer.Layer<NodeCatalog.CatalogSource> =>
  Layer.succeed(NodeCatalog.CatalogSource, { get: catalogOf(version) })

/** Reads a workflow of the repository with the node types of 6.14.2, or of another version. */
export const open = (path: string, version?: string) =>
  Workflow.fromJson(readJson(path)).pipe(Effect.provide(catalogLayer(version)))

export const models = {
  flux: {
    key: "fe04e4c3-2287-4ba5-8c34-107d3da215ae",
    hash: "blake3:main",
    name: "FLUX Dev (Quantized)",
    base: "flux",
    type: "main",
    format: "bnb_quantized_nf4b"
  },
  t5: { key: "t5-encoder-key-123", hash: "blake3:t5", name: "T5 Encoder FLUX", base: "any", type: "t5_encoder" },
  clip: { key: "clip-embed-key-456", hash: "blake3:clip", name: "CLIP-L Encoder", base: "any", type: "clip_embed" },
  vae: { key: "vae-model-key-789", hash: "blake3:vae", name: "FLUX VAE", base: "flux", type: "vae" }
} as const

/** A server that has the models of the FLUX example, and what else is given. */
export const resources = (content: MemoryResources = {}): Layer.Layer<WorkflowResources> =>
  WorkflowResources.layerMemory({ models: Object.values(models), ...content })

/** What every workflow file says of itself. */
export const texts = { name: "", author: "", description: "", version: "", contact: "", tags: "", notes: "" }

/** An input of a node, with or without a value. */
export const input = (name: string, value?: unknown, label = "") => ({
  name,
  label,
  description: "",
  ...(value === undefined ? {} : { value })
})

/** A node of a workflow file. */
export const node = (
  id: string,
  type: string,
  version: string,
  inputs: ReadonlyArray<ReturnType<typeof input>>,
  more: Record<string, unknown> = {}
) => ({
  id,
  type: "invocation",
  position: { x: 0, y: 0 },
  data: {
    id,
    type,
    version,
    nodePack: "invokeai",
    label: "",
    notes: "",
    isOpen: true,
    isIntermediate: true,
    useCache: true,
    inputs: Object.fromEntries(inputs.map((each) => [each.name, each])),
    ...more
  }
})

/** A connection of two fields. */
export const edge = (source: string, sourceHandle: string, target: string, targetHandle: string) => ({
  id: `${source}-${sourceHandle}-${target}-${targetHandle}`,
  type: "default",
  source,
  sourceHandle,
  target,
  targetHandle
})

/** A workflow file with nodes, connections, and the fields that it exposes. */
export const file = (
  nodes: ReadonlyArray<ReturnType<typeof node>>,
  edges: ReadonlyArray<ReturnType<typeof edge>>,
  exposed: ReadonlyArray<readonly [nodeId: string, fieldName: string]>
) => ({
  ...texts,
  name: "test",
  nodes,
  edges,
  exposedFields: exposed.map(([nodeId, fieldName]) => ({ nodeId, fieldName })),
  meta: { version: "3.0.0", category: "user" }
})

/** Reads a workflow with the node types of 6.14.2. */
export const read = (json: unknown) => Workflow.fromJson(json).pipe(Effect.provide(catalogLayer()))

/** A chunk of a PNG file. */
export const chunk = (type: string, data: Uint8Array): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(data.length)
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const tail = Buffer.alloc(4)
  tail.writeUInt32BE(crc32(body))
  return Buffer.concat([head, body, tail])
}

/** A PNG file without a picture. */
export const png = (...chunks: ReadonlyArray<Uint8Array>): Uint8Array =>
  new Uint8Array(Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", Buffer.alloc(13)),
    ...chunks,
    chunk("IEND", Buffer.alloc(0))
  ]))

/** The nodes of the FLUX example. */
export const flux = {
  loader: "f8d9d7c8-9ed7-4bd7-9e42-ab0e89bfac90",
  positive: "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c",
  negative: "e87ba3b6-c98f-4644-903a-e13c421f2add",
  image: "2981a67c-480f-4237-9384-26b68dbf912b",
  denoise: "9c773392-5647-4f2b-958e-9da1707b6e6a"
} as const

type Rows = ReadonlyArray<ReadonlyArray<string | boolean | undefined>>

/** Its nine inputs in order: user name, system name, type, whether it is required, and value. */
export const fluxInputs: Rows = [
  ["model", `${flux.loader}.model`, "InkModelIdentifierField", true, "FLUX Dev (Quantized)"],
  ["t5_encoder_model", `${flux.loader}.t5_encoder_model`, "InkT5EncoderField", true, undefined],
  ["clip_embed_model", `${flux.loader}.clip_embed_model`, "InkCLIPEmbedField", true, undefined],
  ["vae_model", `${flux.loader}.vae_model`, "InkVAEModelField", true, undefined],
  ["prompt", `${flux.positive}.prompt`, "InkStringField", true, undefined],
  ["image", `${flux.image}.image`, "InkImageField", true, undefined],
  ["num_steps", `${flux.denoise}.num_steps`, "InkIntegerField", false, "20"],
  ["denoising_start", `${flux.denoise}.denoising_start`, "InkFloatField", false, "0.7"],
  ["prompt", `${flux.negative}.prompt`, "InkStringField", true, ""]
]

/** The inputs of a workflow in the form of `fluxInputs`. */
export const rowsOf = (workflow: Workflow.Workflow): Rows =>
  workflow.inputs.map((input) => [
    input.userName,
    input.systemName,
    input.field._tag,
    input.required,
    Workflow.formatValue(input)
  ])
