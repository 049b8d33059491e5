/** Prompts with choices, such as `a {cat|dog}`. */
import * as SeededRandom from "../seededRandom.ts"

type Piece = string | ReadonlyArray<ReadonlyArray<Piece>>

interface Parsed {
  readonly pieces: ReadonlyArray<Piece>
  /** The position of an unclosed brace. */
  readonly unclosedAt: number | undefined
}

const parse = (prompt: string): Parsed => {
  let position = 0
  let unclosedAt: number | undefined = undefined
  const sequence = (nested: boolean): ReadonlyArray<Piece> => {
    const pieces: Array<Piece> = []
    let literal = ""
    while (position < prompt.length) {
      const character = prompt.charAt(position)
      if (nested && (character === "|" || character === "}")) break
      if (character !== "{") {
        literal += character
        position += 1
        continue
      }
      const start = position
      const options: Array<ReadonlyArray<Piece>> = []
      do {
        position += 1
        options.push(sequence(true))
      } while (prompt.charAt(position) === "|")
      if (prompt.charAt(position) !== "}") unclosedAt ??= start
      position += 1
      if (literal !== "") pieces.push(literal)
      literal = ""
      pieces.push(options)
    }
    if (literal !== "") pieces.push(literal)
    return pieces
  }
  const pieces = sequence(false)
  return { pieces, unclosedAt }
}

const all = (pieces: ReadonlyArray<Piece>, limit: number): ReadonlyArray<string> => {
  let results: ReadonlyArray<string> = [""]
  for (const piece of pieces) {
    const options = typeof piece === "string" ? [piece] : piece.flatMap((option) => all(option, limit))
    results = results.flatMap((start) => options.map((option) => start + option)).slice(0, limit)
  }
  return results
}

const one = (pieces: ReadonlyArray<Piece>, random: SeededRandom.SeededRandom): string =>
  pieces.map((piece) =>
    typeof piece === "string" ? piece : one(piece[Math.floor(random.next() * piece.length)] ?? [], random)
  ).join("")

/**
 * Expands a prompt with choices: into every combination, or into random ones.
 *
 * **Details**
 *
 * A prompt with unbalanced braces is returned unchanged, with the error of the server's parser.
 */
export const expand = (
  prompt: string,
  options: { readonly maxPrompts: number; readonly combinatorial: boolean; readonly seed: number }
): { readonly prompts: ReadonlyArray<string>; readonly error: string | null } => {
  const { pieces, unclosedAt } = parse(prompt)
  if (unclosedAt !== undefined) {
    return {
      prompts: [prompt],
      error: `Expected end of text, found '{'  (at char ${unclosedAt}), (line:1, col:${unclosedAt + 1})`
    }
  }
  if (options.combinatorial) return { prompts: all(pieces, options.maxPrompts), error: null }
  const random = SeededRandom.make(options.seed)
  return { prompts: Array.from({ length: options.maxPrompts }, () => one(pieces, random)), error: null }
}
