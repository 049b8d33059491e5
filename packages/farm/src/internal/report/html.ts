/** HTML that is safe whatever the values contain: what is not `Html` is escaped. */

/** A piece of HTML. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

/** Text without characters that end an element or an attribute, and without control characters, which HTML forbids. */
const escape = (text: string): string =>
  text
    // oxlint-disable-next-line no-control-regex -- these are what it removes
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)

type Part = Html | string | number | undefined | ReadonlyArray<Html>

const toText = (part: Part): string => {
  if (part === undefined) return ""
  if (part instanceof Html) return part.text
  if (typeof part === "string") return escape(part)
  return typeof part === "number" ? String(part) : part.map(toText).join("")
}

/** Builds HTML: strings are escaped, HTML is inserted. */
export const html = (parts: TemplateStringsArray, ...values: ReadonlyArray<Part>): Html =>
  new Html(parts.map((part, index) => index === 0 ? part : toText(values[index - 1]) + part).join(""))

/** Content of this module's own, such as styles. */
export const raw = (text: string): Html => new Html(text)

/**
 * The address of a file: a URL of the web as it is, a path as a relative or `file:` URL. Anything that looks like another
 * scheme is a path.
 */
export const hrefOf = (path: string): string => {
  if (/^https?:\/\//i.test(path)) return path
  const encoded = path.replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/")
  if (/^[a-z]:\//i.test(path.replaceAll("\\", "/"))) return `file:///${path.slice(0, 2)}${encoded.slice(4)}`
  return encoded.startsWith("/") ? `file://${encoded}` : `./${encoded}`
}
