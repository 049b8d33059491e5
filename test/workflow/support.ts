import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { type MemoryResources, WorkflowResources } from "@effect-invokeai/core/workflow/WorkflowResources"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"

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
