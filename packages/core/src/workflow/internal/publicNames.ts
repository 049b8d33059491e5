/** Names that programs can use: valid as identifiers, flags, keys and columns, and each for one thing only. */
import type { WorkflowEdge } from "../../definition/WorkflowDefinition.ts"
import type { InkWorkflowInput } from "../InkWorkflowInput.ts"
import type { LoadedWorkflow } from "../LoadedWorkflow.ts"

/** Words that JavaScript or Python keeps for itself, and members that objects or promises have. */
const reserved: ReadonlySet<string> = new Set(
  ("and arguments as assert async await break case catch class const constructor continue debugger def default del delete " +
    "do elif else enum eval except export extends false finally for from function global if implements import in " +
    "instanceof interface is lambda let new none nonlocal not null or package pass private protected prototype public " +
    "raise return static super switch then this throw true try typeof undefined var void while with yield").split(" ")
)

/** How long a name may be; the APIs of language models allow 64 characters. */
const maxLength = 56

const wordsOf = (text: string): ReadonlyArray<string> =>
  // ß becomes ss and é becomes e
  (text.normalize("NFKD").toUpperCase().toLowerCase().replace(/\p{M}/gu, "").match(/[\p{L}\p{N}]+/gu) ?? [])
    // a word in another alphabet cannot be kept in part
    .filter((word) => /^[a-z0-9]+$/.test(word))

const join = (words: ReadonlyArray<string>): string => {
  let name = ""
  for (const word of words) {
    const longer = name === "" ? word.slice(0, maxLength) : `${name}_${word}`
    if (longer.length > maxLength) break
    name = longer
  }
  return name
}

/** What a name is made of: `texts` in order of preference, and what distinguishes it from others of the same name. */
export interface NameParts {
  /** The texts that the name is made from: the first with a usable word counts. */
  readonly texts: ReadonlyArray<string>
  /** The texts that qualify a name that several things share. */
  readonly qualifiers: ReadonlyArray<string>
  /** A word in front of a name that begins with a digit or is reserved, and the name where nothing else is usable. */
  readonly noun: string
}

const firstWords = (texts: ReadonlyArray<string>): ReadonlyArray<string> =>
  texts.map(wordsOf).find((words) => words.length > 0) ?? []

const identifier = (words: ReadonlyArray<string>, noun: string): string => {
  const name = join(words)
  if (name === "") return noun
  return /^\d/.test(name) || reserved.has(name) ? join([noun, ...words]) : name
}

/** The words of both, without repeating those of the name: "Positive Prompt" and "prompt" are `positive_prompt`. */
const qualified = (qualifier: ReadonlyArray<string>, words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [first, last] = [qualifier.slice(0, words.length), qualifier.slice(-words.length)]
  const isRepeated = [first, last].some((part) => part.join(" ") === words.join(" "))
  return isRepeated ? qualifier : [...qualifier, ...words]
}

/**
 * A name for each, in the same order. A name that several share is qualified; of those that still share one, all but the
 * first get numbers in order, so that more at the end leave the numbers as they are.
 */
export const publicNames = (all: ReadonlyArray<NameParts>): ReadonlyArray<string> => {
  const words = all.map(({ texts }) => firstWords(texts))
  const short = all.map(({ noun }, index) => identifier(words[index]!, noun))
  const counts = new Map<string, number>()
  for (const name of short) counts.set(name, (counts.get(name) ?? 0) + 1)
  const isShared = (name: string) => counts.get(name)! > 1
  const taken = new Set<string>()
  const numbers = new Map<string, number>()
  return all.map(({ noun, qualifiers }, index) => {
    const name = isShared(short[index]!)
      ? identifier(qualified(firstWords(qualifiers), words[index]!), noun)
      : short[index]!
    let unique = name
    // what several share belongs to none of them
    for (let number = numbers.get(name) ?? (isShared(name) ? 1 : 2); taken.has(unique) || isShared(unique); number++) {
      unique = `${name}_${number}`
      numbers.set(name, number + 1)
    }
    taken.add(unique)
    return unique
  })
}

/**
 * Whether a node makes the positive or the negative side of a guidance, by the field that it feeds: InvokeAI calls them
 * `positive_conditioning`, `negative_style_prompt`, …
 */
const polarity = (edges: ReadonlyArray<WorkflowEdge>, nodeId: string): string => {
  const sides = new Set(edges.flatMap((edge) =>
    edge.type === "default" && edge.source === nodeId
      ? /^(?:positive|negative)(?=_)/.exec(edge.targetHandle) ?? []
      : []
  ))
  return sides.size === 1 ? [...sides].join("") : ""
}

/**
 * The inputs of a form with their public names.
 *
 * From the label, or else the field. A name of several inputs is qualified by the label of the node, or else by `positive`
 * or `negative` where the node feeds a field called so, or else by the title of the node's type.
 */
export const withPublicNames = (
  loaded: LoadedWorkflow,
  inputs: ReadonlyArray<InkWorkflowInput>
): ReadonlyArray<InkWorkflowInput> => {
  const unique = [...new Map(inputs.toReversed().map((input) => [input.systemName, input])).values()].toReversed()
  const names = publicNames(unique.map(({ fieldName, nodeId, nodeType, userName }) => ({
    texts: [userName, fieldName],
    qualifiers: [
      loaded.nodes.get(nodeId)?.node.label ?? "",
      polarity(loaded.edges, nodeId),
      loaded.nodes.get(nodeId)?.template?.title ?? "",
      nodeType
    ],
    noun: "input"
  })))
  const bySystemName = new Map(unique.map(({ systemName }, index) => [systemName, names[index]]))
  return inputs.map((input) => ({ ...input, publicName: bySystemName.get(input.systemName) }))
}
