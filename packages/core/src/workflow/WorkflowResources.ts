/**
 * What workflows need from a server: which models, images, videos, boards and presets it has, how it expands
 * a dynamic prompt, what images are on a board, and the workflows of its library and its images.
 *
 * **Details**
 *
 * The workflow modules use only this service, so that everything about workflows can be run and tested without a
 * server. The live implementation uses the client's services (`LiveResources`).
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { ImageSource } from "../definition/WorkflowSource.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"

/**
 * The properties of an installed model that workflows need. Configurations from the `Models` service have them.
 *
 * @category models
 * @since 0.1.0
 */
export interface InstalledModel {
  /** The key of the model on the server. */
  readonly key: string
  /** The hash of the model's files. */
  readonly hash: string
  /** The name of the model. */
  readonly name: string
  /** The architecture, for example `"sdxl"`. */
  readonly base: string
  /** The type, for example `"main"` or `"lora"`. */
  readonly type: string
  /** The file format, for example `"checkpoint"`. */
  readonly format?: string | null | undefined
  /** The variant, for example `"inpaint"`. */
  readonly variant?: unknown
  /** The parts that a pipeline includes, by name (`vae`, `text_encoder_2`, …). */
  readonly submodels?: unknown
}

/**
 * A board of the server, as messages name it.
 *
 * @category models
 * @since 0.1.0
 */
export interface NamedBoard {
  /** The id, which board fields hold. */
  readonly id: string
  /** The name in the UI. */
  readonly name: string
}

/**
 * A dynamic prompt to expand, from `string_generator_dynamic_prompts_combinatorial` or `…_random`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DynamicPrompt {
  /** The prompt to expand. */
  readonly prompt: string
  /** The largest number of prompts to generate. */
  readonly maxPrompts: number
  /** Whether all combinations are generated in order, or random ones. */
  readonly combinatorial: boolean
  /** The seed of random expansion. Default: the server chooses one. */
  readonly seed?: number
}

/**
 * A category of images on a board: `images` are generated, `assets` are uploaded.
 *
 * @category models
 * @since 0.1.0
 */
export type BoardImageCategory = "images" | "assets"

/**
 * The server as workflows see it.
 *
 * **Details**
 *
 * The `existing…` functions return those of the given ids that exist and can be read; each is called at most once per
 * check with all ids of its type. A failure means that the server could not be reached, never that something is
 * missing.
 *
 * @category services
 * @since 0.1.0
 */
export class WorkflowResources extends Context.Service<WorkflowResources, {
  /** Forgets the models and boards that were read a moment ago. Called if one of them seems to be missing. */
  readonly refresh: Effect.Effect<void>
  /**
   * All installed models. Called only if the workflow refers to a model. The server's are remembered for 5 seconds, so that
   * many submissions read them once.
   */
  readonly models: Effect.Effect<ReadonlyArray<InstalledModel>, InvokeAiError>
  /** Returns the names among those given whose images exist and can be read. */
  readonly existingImages: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, InvokeAiError>
  /** Returns the names among those given whose videos exist and can be read. */
  readonly existingVideos: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, InvokeAiError>
  /** Returns the ids among those given whose boards exist and can be read. */
  readonly existingBoards: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>, InvokeAiError>
  /** All boards, archived ones included. The server's are remembered for 5 seconds. */
  readonly boards: Effect.Effect<ReadonlyArray<NamedBoard>, InvokeAiError>
  /** Returns the ids among those given whose style presets exist and can be read. */
  readonly existingStylePresets: (
    ids: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlySet<string>, InvokeAiError>
  /** Returns the ids among those given whose system prompts exist and can be read. */
  readonly existingSystemPrompts: (
    ids: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlySet<string>, InvokeAiError>
  /** Mirrors `POST /api/v1/utilities/dynamicprompts`. Returns no prompts if the prompt cannot be expanded. */
  readonly dynamicPrompts: (prompt: DynamicPrompt) => Effect.Effect<ReadonlyArray<string>, InvokeAiError>
  /** Names of the kept images of a board, newest first; board id `none` is the uncategorized images. */
  readonly boardImageNames: (
    boardId: string,
    category: BoardImageCategory
  ) => Effect.Effect<ReadonlyArray<string>, InvokeAiError>
  /**
   * Returns the JSON of a workflow in the server's library; `None` if it does not exist or this user cannot read it.
   */
  readonly savedWorkflow: (id: string) => Effect.Effect<Option.Option<unknown>, InvokeAiError>
  /**
   * Returns the workflow and the graph that an image was created with; `None` if the image does not exist or this user
   * cannot read it.
   */
  readonly imageWorkflow: (imageName: string) => Effect.Effect<Option.Option<ImageSource>, InvokeAiError>
}>()("@effect-invokeai/core/workflow/WorkflowResources") {
  /**
   * Provides resources from values, to work without a server and for tests.
   *
   * **Details**
   *
   * Everything else is missing: a workflow that refers to an image needs it in `images`. Without `dynamicPrompts`, a
   * prompt expands to itself.
   *
   * **Example** (A workflow that needs one model)
   *
   * ```ts
   * import * as WorkflowResources from "@effect-invokeai/core/workflow/WorkflowResources"
   *
   * const layer = WorkflowResources.WorkflowResources.layerMemory({
   *   models: [{ key: "k", hash: "blake3:0", name: "Dreamshaper", base: "sd-1", type: "main" }]
   * })
   * ```
   *
   * @since 0.1.0
   */
  static layerMemory(content: MemoryResources): Layer.Layer<WorkflowResources> {
    return Layer.succeed(WorkflowResources, makeMemory(content))
  }
}

/**
 * What `WorkflowResources.layerMemory` holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryResources {
  /** The installed models. Default: none. */
  readonly models?: ReadonlyArray<InstalledModel>
  /** The names of the images that exist. Default: none. */
  readonly images?: Iterable<string>
  /** What images were created with, by image name. These images need not be in `images`. */
  readonly imageWorkflows?: ReadonlyMap<string, ImageSource>
  /** The names of the videos that exist. Default: none. */
  readonly videos?: Iterable<string>
  /** The ids of the boards that exist. Default: none. */
  readonly boards?: Iterable<string>
  /** The ids of the style presets that exist. Default: none. */
  readonly stylePresets?: Iterable<string>
  /** The ids of the system prompts that exist. Default: none. */
  readonly systemPrompts?: Iterable<string>
  /** Expands a dynamic prompt. Default: the prompt itself. */
  readonly dynamicPrompts?: (prompt: DynamicPrompt) => ReadonlyArray<string>
  /** Image names by board id. */
  readonly boardImages?: ReadonlyMap<string, ReadonlyArray<string>>
  /** The JSON of the workflows in the library, by id. Default: none. */
  readonly savedWorkflows?: ReadonlyMap<string, unknown>
}

const makeMemory = (content: MemoryResources): WorkflowResources["Service"] => {
  const presence = (all: Iterable<string> | undefined) => {
    const known = new Set(all ?? [])
    return (ids: ReadonlyArray<string>) =>
      Effect.succeed<ReadonlySet<string>>(new Set(ids.filter((id) => known.has(id))))
  }
  const images = new Set(content.images ?? [])
  return {
    refresh: Effect.void,
    models: Effect.succeed(content.models ?? []),
    existingImages: presence([...images, ...content.imageWorkflows?.keys() ?? []]),
    existingVideos: presence(content.videos),
    existingBoards: presence(content.boards),
    boards: Effect.succeed(Array.from(content.boards ?? [], (id) => ({ id, name: id }))),
    existingStylePresets: presence(content.stylePresets),
    existingSystemPrompts: presence(content.systemPrompts),
    dynamicPrompts: (prompt) => Effect.succeed(content.dynamicPrompts?.(prompt) ?? [prompt.prompt]),
    boardImageNames: (boardId) => Effect.succeed(content.boardImages?.get(boardId) ?? []),
    savedWorkflow: (id) =>
      Effect.succeed(
        content.savedWorkflows?.has(id) === true ? Option.some(content.savedWorkflows.get(id)) : Option.none()
      ),
    imageWorkflow: (name) =>
      Effect.succeed(
        Option.fromUndefinedOr(content.imageWorkflows?.get(name) ?? (images.has(name) ? {} : undefined))
      )
  }
}
