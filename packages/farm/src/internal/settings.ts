/** The options of a run, as they are stored. */
import * as Schema from "effect/Schema"

/** Options that every worker needs to run an item. Times are milliseconds. */
export class RunSettings extends Schema.Opaque<RunSettings>()(Schema.Struct({
  template: Schema.String,
  format: Schema.optionalKey(Schema.Literals(["png", "jpeg", "webp"])),
  quality: Schema.optionalKey(Schema.Number),
  metadata: Schema.optionalKey(Schema.Boolean),
  board: Schema.optionalKey(Schema.String),
  seed: Schema.optionalKey(Schema.Union([Schema.Number, Schema.Literals(["keep", "random"])])),
  timeout: Schema.optionalKey(Schema.Number),
  deleteOutputs: Schema.optionalKey(Schema.Boolean),
  maxAttempts: Schema.Int
})) {}

/** Reads the options of a run. */
export const decodeSettings = Schema.decodeSync(Schema.fromJsonString(RunSettings))
