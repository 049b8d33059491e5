/**
 * File names that are safe on every platform, made from names that come from a server or a person.
 *
 * **Details**
 *
 * A safe name is one path segment: no separators, no `.` or `..`, no control or direction characters, none of the
 * characters and words that Windows reserves, and short enough for every common file system.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { TaggedError } from "../../internal/TaggedError.ts"

/**
 * The longest safe name in bytes of UTF-8. File systems allow 255; the rest is for suffixes like `-2` or `.png.json`.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxBytes = 200

const encoder = new TextEncoder()
const byteLength = (text: string): number => encoder.encode(text).length

// Control characters, lone surrogates, line and paragraph separators, direction overrides and invisible joiners at the edges of words,
// the byte order mark, and what Windows or a shell gives a meaning of its own.
const unsafe = /[\p{Cc}\p{Cs}\u061c\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff<>:"/\\|?*]/gu
const reserved = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\.|$)/i

// FNV-1a over UTF-16 units: enough to keep two names apart that are cut at the same place.
const shortHash = (text: string): string => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, "0")
}

const truncate = (text: string, limit: number): string => {
  let length = 0
  let end = 0
  for (const character of text) {
    length += byteLength(character)
    if (length > limit) break
    end += character.length
  }
  return text.slice(0, end)
}

const extensionOf = (name: string): string => /[^.](\.[\p{L}\p{N}]{1,10})$/u.exec(name)?.[1] ?? ""

/**
 * Makes one safe path segment of any text.
 *
 * **Details**
 *
 * Unsafe characters become `_`, also leading dots and trailing dots and spaces; a word that Windows reserves gets a
 * leading `_`; a name longer than `maxBytes` is cut before its extension and keeps a short hash of the whole, so that
 * two long names stay different. A safe name comes back as it was (in Unicode normal form C).
 *
 * **Gotchas**
 *
 * Two different texts may give the same name (`a/b` and `a?b`).
 *
 * @category constructors
 * @since 0.1.0
 */
export const sanitize = (text: string, options?: {
  /** The name of a text that has no visible character. Default `unnamed`. */
  readonly fallback?: string | undefined
}): string => {
  const cleaned = text.normalize("NFC").replace(unsafe, "_").replace(
    /^[\s.]+/u,
    (dots) => dots.includes(".") ? "_" : ""
  ).replace(/[\s.]+$/u, "")
  if (!/[\p{L}\p{N}\p{S}\p{P}]/u.test(cleaned.replaceAll("_", ""))) {
    const fallback = options?.fallback
    return cleaned !== "" && fallback === undefined ?
      fit(cleaned) :
      sanitize(fallback ?? "unnamed", { fallback: "unnamed" })
  }
  return fit(reserved.test(cleaned) ? `_${cleaned}` : cleaned)
}

const fit = (name: string): string => {
  if (byteLength(name) <= maxBytes) return name
  const extension = extensionOf(name)
  const stem = name.slice(0, name.length - extension.length)
  const end = `~${shortHash(name)}${extension}`
  return truncate(stem, maxBytes - byteLength(end)) + end
}

/**
 * A name without its file extension (`photo.png` gives `photo`).
 *
 * @category getters
 * @since 0.1.0
 */
export const stem = (name: string): string => name.slice(0, name.length - extensionOf(name).length)

/**
 * Adds an extension (without a dot) to a safe name unless it ends with it already.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withExtension = (name: string, extension: string): string =>
  name.toLowerCase().endsWith(`.${extension.toLowerCase()}`) ? name : sanitize(`${name}.${extension}`)

/**
 * The same name with a number before its extension: `photo.png` and 2 give `photo-2.png`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const numbered = (name: string, number: number): string => {
  const extension = extensionOf(name)
  return `${name.slice(0, name.length - extension.length)}-${number}${extension}`
}

/**
 * A key that is equal for two names which some file system takes for the same one (letter case, Unicode form).
 *
 * @category getters
 * @since 0.1.0
 */
export const collisionKey = (name: string): string => name.normalize("NFC").toLowerCase().normalize("NFC")

/**
 * What a template may name.
 *
 * **Details**
 *
 * `name`: the image's name on the server, without extension. `node`: id of the workflow's node. `label`: the node's
 * label, or its title or type. `index`: position among the images of the node, from 0. `item`: the queue item's id.
 * `batch`: the batch's id. `workflow`: the workflow's name. `board`: the board's id. `number`: position among the files
 * of the call, from 1. `session`: the session's id. `seed`: the seed the image was made with.
 *
 * @category templates
 * @since 0.1.0
 */
export const placeholders = [
  "name",
  "node",
  "label",
  "index",
  "seed",
  "batch",
  "item",
  "workflow",
  "board",
  "number",
  "session"
] as const

/**
 * The name of a placeholder.
 *
 * @category templates
 * @since 0.1.0
 */
export type Placeholder = typeof placeholders[number]

/**
 * What the placeholders stand for. A missing value gives an empty text.
 *
 * @category templates
 * @since 0.1.0
 */
export type TemplateValues = { readonly [P in Placeholder]?: string | number | undefined }

/**
 * A template that names no file: an unknown placeholder, an unclosed brace, or a part that leaves the folder.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidTemplate extends TaggedError<InvalidTemplate>()(
  "InvalidTemplate",
  { template: Schema.String, problem: Schema.String }
) {
  override get message(): string {
    return `Invalid file name template ${JSON.stringify(this.template)}: ${this.problem}`
  }
}

/**
 * A checked template, ready for `render`.
 *
 * @category templates
 * @since 0.1.0
 */
export interface Template {
  readonly source: string
  readonly segments: ReadonlyArray<ReadonlyArray<string | TemplatePart>>
}

/**
 * One placeholder of a template, with the number of digits to pad a number to.
 *
 * @category templates
 * @since 0.1.0
 */
export interface TemplatePart {
  readonly placeholder: Placeholder
  readonly width: number
}

const isPlaceholder = (name: string): name is Placeholder => placeholders.some((known) => known === name)

/**
 * Checks a template such as `{workflow}/{batch}/{label}-{index:4}`.
 *
 * **Details**
 *
 * `/` (or `\`) starts a folder. `{index:4}` pads a number with zeros to four digits; `{{` and `}}` are plain braces.
 * What a placeholder stands for is never taken for a path: separators in it become `_`.
 *
 * @category templates
 * @since 0.1.0
 */
export const parseTemplate = (source: string): Result.Result<Template, InvalidTemplate> => {
  const fail = (problem: string) => Result.fail(new InvalidTemplate({ template: source, problem }))
  const segments: Array<Array<string | TemplatePart>> = []
  for (const segment of source.split(/[/\\]/)) {
    if (segment === "" || segment === "." || segment === "..") {
      return fail(segment === ".." ? "`..` would leave the directory" : "a part of the path is empty")
    }
    const parts: Array<string | TemplatePart> = []
    for (const token of segment.match(/\{\{|\}\}|\{[^{}]*\}|[^{}]+|[{}]/g) ?? []) {
      if (token === "{{" || token === "}}") parts.push(token.slice(1))
      else if (token === "{" || token === "}") return fail("a brace is not closed; write {{ and }} for literal braces")
      else if (token.startsWith("{")) {
        const [name = "", width, ...rest] = token.slice(1, -1).split(":")
        if (!isPlaceholder(name)) {
          return fail(
            `${token} is not a placeholder; the placeholders are ${placeholders.map((known) => `{${known}}`).join(" ")}`
          )
        }
        if (rest.length > 0 || (width !== undefined && !/^[1-9][0-9]?$/.test(width))) {
          return fail(`${token} needs a number of digits from 1 to 99 after the colon`)
        }
        parts.push({ placeholder: name, width: width === undefined ? 0 : Number(width) })
      } else parts.push(token)
    }
    segments.push(parts)
  }
  return Result.succeed({ source, segments })
}

/**
 * Fills a template: the safe path segments, the last of them the file's name without extension.
 *
 * @category templates
 * @since 0.1.0
 */
export const render = (template: Template, values: TemplateValues): ReadonlyArray<string> =>
  template.segments.map((parts) =>
    sanitize(
      parts.map((part) => {
        if (typeof part === "string") return part
        const value = values[part.placeholder]
        const text = value === undefined ? "" : String(value)
        return /^[0-9]+$/.test(text) ? text.padStart(part.width, "0") : text.replace(/[/\\]/g, "_")
      }).join("")
    )
  )
