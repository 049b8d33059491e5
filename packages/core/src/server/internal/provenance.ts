import * as Result from "effect/Result"

const parseJson = (text: string | null | undefined): unknown =>
  text === null || text === undefined || text === ""
    ? null
    // a file may carry a text that is not JSON; it is better shown than lost
    : Result.getOrElse(Result.try((): unknown => JSON.parse(text)), () => text)

/**
 * The workflow and the graph of an answer, which has them as texts.
 *
 * @internal
 */
export const parseProvenance = (answer: {
  readonly workflow?: string | null | undefined
  readonly graph?: string | null | undefined
}): { readonly workflow: unknown; readonly graph: unknown } => ({
  workflow: parseJson(answer.workflow),
  graph: parseJson(answer.graph)
})
