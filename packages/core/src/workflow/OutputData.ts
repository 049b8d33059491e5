/** The results of nodes as plain data: what is left of them for programs that know nothing of nodes. */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { getOwn, type JsonObject } from "../internal/json.ts"

/**
 * An image that a workflow made.
 *
 * @category models
 * @since 0.1.0
 */
export class ImageData extends Schema.Opaque<ImageData>()(Schema.Struct({
  /** The name of the image on the server. An image input of another workflow accepts the whole object. */
  imageName: Schema.String,
  /** Width, in pixels. Absent for images of a list. */
  width: Schema.optionalKey(Schema.Finite),
  /** Height, in pixels. Absent for images of a list. */
  height: Schema.optionalKey(Schema.Finite),
  /** The file that the image was downloaded to. Absent if it was not downloaded. */
  path: Schema.optionalKey(Schema.String)
})) {}

/**
 * A video that a workflow made.
 *
 * @category models
 * @since 0.1.0
 */
export class VideoData extends Schema.Opaque<VideoData>()(Schema.Struct({
  /** The name of the video on the server. A video input of another workflow accepts the whole object. */
  videoName: Schema.String,
  /** Width, in pixels. */
  width: Schema.optionalKey(Schema.Finite),
  /** Height, in pixels. */
  height: Schema.optionalKey(Schema.Finite),
  /** Duration, in seconds. */
  duration: Schema.optionalKey(Schema.Finite),
  /** The file that the video was downloaded to. Absent if it was not downloaded. */
  path: Schema.optionalKey(Schema.String)
})) {}

/** A color: each component is 0 to 255. */
const Color = Schema.Struct({ r: Schema.Finite, g: Schema.Finite, b: Schema.Finite, a: Schema.Finite })

/** The types of outputs with their schemas. */
const schemas = {
  image: ImageData,
  video: VideoData,
  integer: Schema.Int,
  number: Schema.Finite,
  string: Schema.String,
  boolean: Schema.Boolean,
  color: Color,
  json: Schema.Json
} satisfies Record<string, Schema.Codec<unknown>>

/**
 * The type of an output: that of one value. `"json"` is the server's own object, for types that have no plain form.
 *
 * @category models
 * @since 0.1.0
 */
export type OutputDataType = keyof typeof schemas

/** How the results of one type of the server become plain data. */
interface OutputData {
  readonly type: OutputDataType
  readonly isList: boolean
  readonly read: (data: JsonObject) => ReadonlyArray<unknown>
}

const nameIn = (reference: unknown, key: string): string | undefined => {
  const name = Predicate.isObject(reference) ? getOwn(reference, key) : undefined
  return typeof name === "string" ? name : undefined
}

const numbersOf = (data: JsonObject, ...keys: ReadonlyArray<string>): JsonObject =>
  Object.fromEntries(keys.flatMap((key) => Number.isFinite(data[key]) ? [[key, data[key]]] : []))

const image = (data: JsonObject): ReadonlyArray<unknown> => {
  const imageName = nameIn(data["image"], "image_name")
  return imageName === undefined ? [] : [{ imageName, ...numbersOf(data, "width", "height") }]
}

const video = (data: JsonObject): ReadonlyArray<unknown> => {
  const videoName = nameIn(data["video"], "video_name")
  return videoName === undefined ? [] : [{ videoName, ...numbersOf(data, "width", "height", "duration") }]
}

const listIn = (key: string, read: (item: unknown) => ReadonlyArray<unknown>) => (data: JsonObject) => {
  const list = data[key]
  return Array.isArray(list) ? list.flatMap(read) : []
}

const one = (type: OutputDataType, read: OutputData["read"]): OutputData => ({ type, isList: false, read })
const many = (type: OutputDataType, read: OutputData["read"]): OutputData => ({ type, isList: true, read })
const value = (key: string) => (data: JsonObject): ReadonlyArray<unknown> =>
  data[key] === undefined || data[key] === null ? [] : [data[key]]
const collection = listIn("collection", (item) => [item])

const rules: ReadonlyMap<string, OutputData> = new Map([
  ["image_output", one("image", image)],
  ["image_collection_output", many("image", listIn("collection", (item) => image({ image: item })))],
  ["video_output", one("video", video)],
  ["integer_output", one("integer", value("value"))],
  ["integer_collection_output", many("integer", collection)],
  ["float_output", one("number", value("value"))],
  ["float_collection_output", many("number", collection)],
  ["string_output", one("string", value("value"))],
  ["string_collection_output", many("string", collection)],
  ["boolean_output", one("boolean", value("value"))],
  ["boolean_collection_output", many("boolean", collection)],
  ["color_output", one("color", value("color"))],
  ["color_collection_output", many("color", collection)]
])

const other: OutputData = one("json", (data) => [data])

/** How a type of the server's results becomes plain data. */
export const outputData = (outputType: string): OutputData => rules.get(outputType) ?? other

/** The schema of an output as plain data. */
export const outputSchema = (type: OutputDataType, isMany: boolean): Schema.Codec<unknown> =>
  isMany ? Schema.Array(schemas[type]) : schemas[type]
