/**
 * Fields that refer to something stored on the server: images, videos, boards, presets and library workflows.
 *
 * **Details**
 *
 * Setting a name does not check whether the thing exists; that happens before submitting.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { describeReceived } from "../../internal/describeReceived.ts"
import * as Json from "../internal/json.ts"
import { type InkFieldType, readName } from "../internal/kind.ts"

/**
 * A reference to an image, in the server's form.
 *
 * @category references
 * @since 0.1.0
 */
export class ImageName extends Schema.Opaque<ImageName>()(Schema.Struct({
  /** The name of the image on the server. */
  image_name: Schema.String
})) {}

/**
 * An image on the server.
 *
 * **Details**
 *
 * Accepts a name, or anything with an `imageName` or `image_name`: an uploaded asset, an image output of a job, the
 * record of a downloaded image, or an image of `Images`. A path or the content of an image is rejected: upload it
 * first.
 *
 * @category references
 * @since 0.1.0
 */
export class InkImageField
  extends Schema.Opaque<InkImageField>()(Schema.TaggedStruct("InkImageField", { value: Schema.optionalKey(ImageName) }))
{}

/**
 * A reference to a video, in the server's form.
 *
 * @category references
 * @since 0.1.0
 */
export class VideoName extends Schema.Opaque<VideoName>()(Schema.Struct({
  /** The name of the video on the server. */
  video_name: Schema.String
})) {}

/**
 * A video on the server (from 6.14 on). Accepts a name, or anything with a `videoName` or `video_name`: a video output
 * of a job, the record of a downloaded video, a video of `Videos`.
 *
 * @category references
 * @since 0.1.0
 */
export class InkVideoField
  extends Schema.Opaque<InkVideoField>()(Schema.TaggedStruct("InkVideoField", { value: Schema.optionalKey(VideoName) }))
{}

/**
 * The board of a node's result: `auto` (the board of the submission), `none`, or one board.
 *
 * @category references
 * @since 0.1.0
 */
export const BoardChoice = Schema.Union([
  Schema.Literals(["auto", "none"]),
  Schema.Struct({ board_id: Schema.String })
])

/**
 * The board of a node's result: `auto` (the board of the submission), `none`, or one board.
 *
 * @category references
 * @since 0.1.0
 */
export type BoardChoice = typeof BoardChoice.Type

/**
 * The board for the results of a node. Accepts `auto`, `none`, a board's id, or anything with a `board_id`.
 *
 * @category references
 * @since 0.1.0
 */
export class InkBoardField extends Schema.Opaque<InkBoardField>()(
  Schema.TaggedStruct("InkBoardField", { value: Schema.optionalKey(BoardChoice) })
) {}

/**
 * A style preset. Accepts its id, `{ style_preset_id }`, or a preset with an `id`.
 *
 * @category references
 * @since 0.1.0
 */
export class InkStylePresetField
  extends Schema.Opaque<InkStylePresetField>()(Schema.TaggedStruct("InkStylePresetField", {
    value: Schema.optionalKey(Schema.Struct({ style_preset_id: Schema.String }))
  }))
{}

/**
 * A system prompt (from 6.14 on). Accepts its id, `{ system_prompt_id }`, or a prompt with an `id`.
 *
 * @category references
 * @since 0.1.0
 */
export class InkSystemPromptField
  extends Schema.Opaque<InkSystemPromptField>()(Schema.TaggedStruct("InkSystemPromptField", {
    value: Schema.optionalKey(Schema.Struct({ system_prompt_id: Schema.String }))
  }))
{}

/**
 * A workflow of the server's library (from 6.14 on). Accepts its id, or anything with a `workflow_id`.
 *
 * @category references
 * @since 0.1.0
 */
export class InkSavedWorkflowField
  extends Schema.Opaque<InkSavedWorkflowField>()(Schema.TaggedStruct("InkSavedWorkflowField", {
    value: Schema.optionalKey(Schema.String)
  }))
{}

const nameOrKey = (input: unknown, key: string): string | undefined =>
  typeof input === "string" ? (input.trim() === "" ? undefined : input) : readName(input, key)

/** The name in the record of a download: an image's or a video's. */
const nameOfDownload = (input: unknown, isVideo: boolean): string | undefined =>
  (Predicate.isObject(input) && input["kind"] === "video") === isVideo
    ? readName(input, "imageName")
    : undefined

/** Names of the API contain no separators, so a string with one is a path or a URL. */
const isPlace = (name: string): boolean => /[\\/]/.test(name)

/** An image in its stored form. @internal */
export const readImage = (input: unknown): ImageName | undefined => {
  const name = readName(input, "image_name")
  return name === undefined ? undefined : { image_name: name }
}

/** A video in its stored form. @internal */
export const readVideo = (input: unknown): VideoName | undefined => {
  const name = readName(input, "video_name")
  return name === undefined ? undefined : { video_name: name }
}

/** @internal */
export const coerceImage = (input: unknown): ImageName | undefined => {
  const name = nameOfDownload(input, false) ?? nameOrKey(input, "image_name")
  return name === undefined || isPlace(name) ? undefined : { image_name: name }
}

/** @internal */
export const coerceVideo = (input: unknown): VideoName | undefined => {
  const name = nameOfDownload(input, true) ?? readName(input, "videoName") ?? nameOrKey(input, "video_name")
  return name === undefined || isPlace(name) ? undefined : { video_name: name }
}

/** Describes a path, a URL or content where the name of something on the server is expected. */
const describeUpload = (input: unknown, advice: { readonly file: string; readonly content: string }) => {
  if (
    input instanceof Uint8Array || input instanceof ArrayBuffer || (typeof Blob === "function" && input instanceof Blob)
  ) {
    return `its content: upload it first with ${advice.content}`
  }
  const place = input instanceof URL ? input.href : input
  if (typeof place !== "string" || !isPlace(place)) return undefined
  if (/^data:/i.test(place)) return `a data URL: upload its content first with ${advice.content}`
  return /^https?:/i.test(place)
    ? `${describeReceived(place)}, a URL: download it, and upload it first with ${advice.content}`
    : `${describeReceived(place)}, a path: upload it first with ${advice.file}`
}

/** @internal */
export const describeImage = (input: unknown): string | undefined =>
  describeUpload(input, { file: "Assets.uploadFile", content: "Assets.uploadBytes" })

/** @internal */
export const describeVideo = (input: unknown): string | undefined =>
  describeUpload(input, { file: "Videos.upload", content: "Videos.upload" })

/** A name without the separators of paths. */
const mediaName = { type: "string", pattern: "^[^/\\\\]*[^\\s/\\\\][^/\\\\]*$" }

/** The record of a downloaded video. */
const ofVideo = { type: "object", properties: { kind: { const: "video" } }, required: ["kind"] }

/** An image as JSON Schema. A download's record says that it is one of a video. @internal */
export const imageJson = Json.either(mediaName, {
  ...Json.named(mediaName, "image_name", "imageName"),
  not: ofVideo
})

/** A video as JSON Schema. @internal */
export const videoJson = Json.either(
  mediaName,
  {
    ...Json.named(mediaName, "video_name", "videoName"),
    not: ofVideo
  },
  {
    type: "object",
    properties: { kind: { const: "video" }, imageName: mediaName },
    required: ["kind", "imageName"]
  }
)

/** @internal */
export const imageKind: InkFieldType<InkImageField> = {
  types: ["ImageField"],
  empty: () => ({ _tag: "InkImageField" }),
  format: ({ image_name }) => image_name,
  names: ({ image_name }) => [["image", image_name]],
  isSweepable: true,
  read: (_, stored) => Predicate.isObject(stored) ? readImage(stored) : undefined,
  coerce: (_, input) => coerceImage(input),
  expected: () => "the name of an image, or an object with imageName or image_name",
  json: () => imageJson,
  describe: describeImage
}

/** @internal */
export const videoKind: InkFieldType<InkVideoField> = {
  types: ["VideoField"],
  empty: () => ({ _tag: "InkVideoField" }),
  format: ({ video_name }) => video_name,
  names: ({ video_name }) => [["video", video_name]],
  isSweepable: true,
  read: (_, stored) => Predicate.isObject(stored) ? readVideo(stored) : undefined,
  coerce: (_, input) => coerceVideo(input),
  expected: () => "the name of a video, or an object with videoName or video_name",
  json: () => videoJson,
  describe: describeVideo
}

/** @internal */
export const boardKind: InkFieldType<InkBoardField> = {
  types: ["BoardField"],
  empty: () => ({ _tag: "InkBoardField" }),
  format: (value) => typeof value === "string" ? value : value.board_id,
  names: (value) => typeof value === "string" ? [] : [["board", value.board_id]],
  read: (_, stored) => {
    if (stored === "auto" || stored === "none") return stored
    const id = readName(stored, "board_id")
    return id === undefined ? undefined : { board_id: id }
  },
  coerce: (_, input) => {
    if (input === "auto" || input === "none") return input
    const id = nameOrKey(input, "board_id")
    return id === undefined ? undefined : { board_id: id }
  },
  expected: () => "auto, none, the id of a board, or an object with board_id",
  json: () => Json.either(Json.nonBlank, Json.named(Json.nonBlank, "board_id"))
}

/** @internal */
export const stylePresetKind: InkFieldType<InkStylePresetField> = {
  types: ["StylePresetField"],
  empty: () => ({ _tag: "InkStylePresetField" }),
  format: ({ style_preset_id }) => style_preset_id,
  names: ({ style_preset_id }) => [["style preset", style_preset_id]],
  read: (_, stored) => {
    const id = readName(stored, "style_preset_id")
    return id === undefined ? undefined : { style_preset_id: id }
  },
  coerce: (_, input) => {
    const id = nameOrKey(input, "style_preset_id") ?? readName(input, "id")
    return id === undefined ? undefined : { style_preset_id: id }
  },
  expected: () => "the id of a style preset, or an object with style_preset_id",
  json: () => Json.either(Json.nonBlank, Json.named(Json.nonBlank, "style_preset_id"))
}

/** @internal */
export const systemPromptKind: InkFieldType<InkSystemPromptField> = {
  types: ["SystemPromptField"],
  empty: () => ({ _tag: "InkSystemPromptField" }),
  format: ({ system_prompt_id }) => system_prompt_id,
  names: ({ system_prompt_id }) => [["system prompt", system_prompt_id]],
  read: (_, stored) => {
    const id = readName(stored, "system_prompt_id")
    return id === undefined ? undefined : { system_prompt_id: id }
  },
  coerce: (_, input) => {
    const id = nameOrKey(input, "system_prompt_id") ?? readName(input, "id")
    return id === undefined ? undefined : { system_prompt_id: id }
  },
  expected: () => "the id of a system prompt, or an object with system_prompt_id",
  json: () => Json.either(Json.nonBlank, Json.named(Json.nonBlank, "system_prompt_id"))
}

/** @internal */
export const savedWorkflowKind: InkFieldType<InkSavedWorkflowField> = {
  types: ["SavedWorkflowField"],
  empty: () => ({ _tag: "InkSavedWorkflowField" }),
  isSweepable: true,
  read: (_, stored) => typeof stored === "string" ? stored : undefined,
  coerce: (_, input) => nameOrKey(input, "workflow_id"),
  expected: () => "the id of a workflow in the server's library, or an object with workflow_id",
  json: () => Json.either(Json.nonBlank, Json.named(Json.nonBlank, "workflow_id"))
}
