/**
 * `pnpm picture`: runs the demo on the simulator, and writes what it printed and when to docs/demo.svg: an animation of a
 * terminal, for the README.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { environment, root } from "./lib/run.ts"

interface Line {
  readonly text: string
  /** Seconds since the start. */
  readonly at: number
}

const columns = 104
const rows = 26
const lineHeight = 18
const letterWidth = 7.83
const margin = 14
const bar = 30

/** Runs the demo in an empty folder, and notes each line with its time. */
const record = (): Promise<ReadonlyArray<Line>> => {
  const cwd = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-picture-"))
  const { INVOKEAI_URL: _, ...env } = environment()
  const child = ChildProcess.spawn("node", [Path.join(root, "examples/demo.ts")], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "inherit"]
  })
  const lines: Array<Line> = []
  let rest = ""
  let from: number | undefined
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    from ??= performance.now()
    const at = (performance.now() - from) / 1000
    const parts = (rest + chunk).split("\n")
    rest = parts.pop() ?? ""
    lines.push(...parts.map((text) => ({ text: text.replaceAll(`${cwd}/`, ""), at })))
  })
  return new Promise((resolve, reject) => {
    child.on("close", (code) => {
      Fs.rmSync(cwd, { recursive: true, force: true })
      if (code === 0) resolve(lines)
      else reject(new Error(`the demo ended with ${code}`))
    })
  })
}

/** Output of one moment is shown a line after the other, and nobody is kept waiting for long. */
const paced = (lines: ReadonlyArray<Line>): ReadonlyArray<Line> => {
  let at = 0
  return lines.map((line, index) => {
    const gap = index === 0 ? 0.6 : Math.min(line.at - lines[index - 1]!.at, 0.5)
    at += Math.max(gap, line.text.startsWith("──") ? 0.8 : 0.05)
    return { text: line.text, at }
  })
}

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const color = (text: string): string =>
  text.startsWith("$") || text.startsWith("──")
    ? "#7aa2f7"
    : /completed|All |Deleted|Done|Generated/.test(text)
    ? "#9ece6a"
    : /Warning|error/.test(text)
    ? "#e0af68"
    : "#c0caf5"

const draw = (lines: ReadonlyArray<Line>): string => {
  const all = [{ text: "$ npx -y pnpm@12.21.0 demo", at: 0 }, ...lines]
  const last = all.at(-1)!.at
  const width = Math.round(columns * letterWidth + 2 * margin)
  const height = rows * lineHeight + 2 * margin + bar
  const shown = (text: string) => text.length > columns ? `${text.slice(0, columns - 1)}…` : text
  const texts = all.map(({ at, text }, index) =>
    text === "" ? "" : [
      `<text y="${margin + (index + 0.75) * lineHeight}" fill="${color(text)}" style="animation-delay:${
        at.toFixed(2)
      }s">`,
      escape(shown(text)),
      "</text>"
    ].join("")
  )
  // The text moves up by a line for each line below the last row.
  const steps = all.flatMap(({ at }, index) =>
    index < rows
      ? []
      : [`${((at / last) * 100).toFixed(2)}%{transform:translateY(${-(index - rows + 1) * lineHeight}px)}`]
  )
  const end = `translateY(${-Math.max(0, all.length - rows) * lineHeight}px)`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="The demo in a terminal">`,
    "<style>",
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}",
    `.all{transform:${end}}`,
    "@media (prefers-reduced-motion:no-preference){",
    "text{opacity:0;animation:show 1ms forwards}",
    `.all{animation:move ${last.toFixed(2)}s step-end forwards}`,
    "@keyframes show{to{opacity:1}}",
    `@keyframes move{0%{transform:none}${steps.join("")}100%{transform:${end}}}`,
    "}",
    "</style>",
    `<rect width="${width}" height="${height}" rx="8" fill="#1a1b26"/>`,
    ...["#f7768e", "#e0af68", "#9ece6a"].map((fill, index) =>
      `<circle cx="${margin + 6 + index * 18}" cy="${bar / 2}" r="5" fill="${fill}"/>`
    ),
    `<svg x="${margin}" y="${bar}" width="${width - 2 * margin}" height="${height - bar}" overflow="hidden">`,
    `<g class="all">`,
    ...texts.filter((text) => text !== ""),
    "</g></svg></svg>",
    ""
  ].join("\n")
}

const file = Path.join(root, "docs/demo.svg")
Fs.writeFileSync(file, draw(paced(await record())))
console.log(`${Path.relative(root, file)}: ${Math.ceil(Fs.statSync(file).size / 1024)} kB`)
