/**
 * The types of inputs and outputs in generated modules, where TypeScript has none of its own.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

export type { FloatGenerator, ImageGenerator, IntegerGenerator, StringGenerator } from "../field/InkField.ts"
export type { ImageData, VideoData } from "../workflow/WorkflowInterface.ts"

/**
 * An image: a path, a URL, its content, the name of an image on the server, an uploaded asset, or an output of an earlier
 * run. A string without a slash is a file if there is one of this name, and else a name on the server.
 *
 * @category inputs
 * @since 0.1.0
 */
export type ImageInput =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | {
    /** The name of the image on the server. */
    readonly imageName: string
  }
  | {
    /** The name of the image, as the server writes it. */
    readonly image_name: string
  }

/**
 * A video on the server: its name, or an output of an earlier run.
 *
 * @category inputs
 * @since 0.1.0
 */
export type VideoInput = string | {
  /** The name of the video on the server. */
  readonly videoName: string
} | {
  /** The name of the video, as the server writes it. */
  readonly video_name: string
}

/** What may be said about a model in addition to how it is found. */
interface ModelParts {
  /** The architecture, for example `"sdxl"`. */
  readonly base?: string | undefined
  /** The type, for example `"main"`. */
  readonly type?: string | undefined
  /** The part of the model, for example `"vae"`; null for the whole model. */
  readonly submodel_type?: string | null | undefined
}

/**
 * A model: its name or key, or an object with its `key`, `name` or `hash`, such as one of `Models.list`.
 *
 * @category inputs
 * @since 0.1.0
 */
export type ModelInput =
  | string
  | (
    & ModelParts
    & ({
      /** The key of the model on the server. */
      readonly key: string
    } | {
      /** The name of the model. */
      readonly name: string
    } | {
      /** The hash of the model's files, as the server computed it. */
      readonly hash: string
    })
  )

/**
 * A LoRA and its weight: 1 is its full strength.
 *
 * @category inputs
 * @since 0.1.0
 */
export interface LoRAInput {
  /** The LoRA. */
  readonly lora: ModelInput
  /** The weight: 1 is its full strength. */
  readonly weight: number
}

/**
 * A color: `#rgb`, `#rrggbb`, `#rrggbbaa`, or its components from 0 to 255. Without `a` it is opaque.
 *
 * @category inputs
 * @since 0.1.0
 */
export type ColorInput =
  | `#${string}`
  | {
    /** Red. */
    readonly r: number

    /** Green. */
    readonly g: number

    /** Blue. */
    readonly b: number

    /** Opacity, from 0 (transparent). Default: 255. */
    readonly a?: number
  }

/**
 * The board of the results: `"auto"` (the board of the submission), `"none"`, or the id of a board.
 *
 * @category inputs
 * @since 0.1.0
 */
export type BoardInput = string | {
  /** The id of the board. */
  readonly board_id: string
}

/**
 * A style preset: its id, or the preset.
 *
 * @category inputs
 * @since 0.1.0
 */
export type StylePresetInput = string | {
  /** The id of the style preset. */
  readonly style_preset_id: string
} | {
  /** The id. */
  readonly id: string
}

/**
 * A system prompt: its id, or the prompt.
 *
 * @category inputs
 * @since 0.1.0
 */
export type SystemPromptInput = string | {
  /** The id of the system prompt. */
  readonly system_prompt_id: string
} | {
  /** The id. */
  readonly id: string
}

/**
 * A workflow of the server's library: its id, or the entry.
 *
 * @category inputs
 * @since 0.1.0
 */
export type SavedWorkflowInput = string | {
  /** The id of the workflow. */
  readonly workflow_id: string
}

/**
 * A color as an output: each component is 0 to 255.
 *
 * @category outputs
 * @since 0.1.0
 */
export interface ColorData {
  /** Red. */
  readonly r: number
  /** Green. */
  readonly g: number
  /** Blue. */
  readonly b: number
  /** Opacity, from 0 (transparent). */
  readonly a: number
}

/**
 * A JSON value: an input or output of a type that has no TypeScript type.
 *
 * @category models
 * @since 0.1.0
 */
export type Json = Schema.Json
