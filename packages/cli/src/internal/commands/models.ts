import { Models } from "@effect-invokeai/core/server/Models"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as CommandResult from "../../CommandResult.ts"
import { columns } from "../columns.ts"
import { outcome } from "../Output.ts"
import * as Server from "../server.ts"

const size = (bytes: number | null): string => bytes === null ? "" : `${(bytes / 1e9).toFixed(2)} GB`

/** Why no model is listed: with the values that exist if no model has that of a flag. */
const describeNone = (
  all: ReadonlyArray<{ readonly type: string; readonly base: string }>,
  wanted: Readonly<Record<"type" | "base", Option.Option<string>>>
): string => {
  if (all.length === 0) return "The server has no models."
  const lines = (["type", "base"] as const).flatMap((name) => {
    const value = Option.getOrUndefined(wanted[name])
    const known = [...new Set(all.map((model) => model[name]))].toSorted()
    return value === undefined || known.includes(value)
      ? []
      : [`No model has the ${name} ${value}. Those on the server: ${known.join(", ")}.`]
  })
  return lines.length === 0 ? "No model has all of this." : lines.join("\n")
}

/** `models`: the models of the server. */
export const handler = Effect.fn("Command.models")(function*(input: {
  readonly type: Option.Option<string>
  readonly base: Option.Option<string>
  readonly name: Option.Option<string>
}) {
  const service = yield* Models
  const all = yield* service.list()
  const isWanted = (wanted: Option.Option<string>, value: string) => Option.isNone(wanted) || wanted.value === value
  const found = all.filter((model) =>
    isWanted(input.type, model.type) && isWanted(input.base, model.base) &&
    (Option.isNone(input.name) || model.name.toLowerCase().includes(input.name.value.toLowerCase()))
  )
  const order = (model: typeof found[number]) => `${model.type} ${model.base} ${model.name.toLowerCase()}`
  const models = found.toSorted((left, right) => order(left) < order(right) ? -1 : 1).map((
    model
  ): CommandResult.Model => ({
    key: model.key,
    hash: model.hash,
    name: model.name,
    base: model.base,
    type: model.type,
    format: model.format ?? null,
    size: model.file_size ?? null,
    source: model.source ?? null
  }))
  return yield* outcome(
    CommandResult.Models,
    { models },
    models.length === 0
      ? describeNone(all, input)
      : columns(models.map((model) => [model.type, model.base, model.name, size(model.size), model.key]))
  )
}, Effect.provide(Server.layer))
