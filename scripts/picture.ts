/**
 * `pnpm picture`: runs commands on a simulator, and draws docs/demo.svg for the README: an animation of a terminal, in which
 * the image that they made appears at the end. `--check` fails if the file is not the one that would be written.
 */
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as Context from "effect/Context"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { environment, root } from "./lib/run.ts"

/** What is recorded, in a directory with `workflow.json` and `photo.png`. The image is the one in `outputs`. */
const commands = ["effect-invokeai run workflow.json --photo photo.png --width 320 --softness 1"]

interface Line {
  readonly text: string
  /** The line of the terminal, from 0. */
  readonly row: number
  /** Seconds since the start. */
  readonly at: number
  /** When the next text replaces it, in seconds since the start; absent if it stays. */
  readonly until?: number
}

interface Recording {
  readonly lines: ReadonlyArray<Line>
  readonly image: Buffer
}

const columns = 104
const lineHeight = 18
const letterWidth = 7.83
const margin = 14
const bar = 30
/** Seconds. */
const pause = { typing: 0.03, command: 0.9, line: 0.4, frame: 0.9, image: 0.5 }

/** What a command prints in a terminal. */
const outputOf = (command: string, cwd: string, url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const env = environment({ INVOKEAI_URL: url, NO_COLOR: "1", TERM: "xterm", CI: "" })
    const child = ChildProcess.spawn("script", ["-qec", command, "/dev/null"], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"]
    })
    child.on("error", reject)
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => output += chunk)
    }
    child.on("close", (code) =>
      code === 0
        ? resolve(output)
        : reject(new Error(`"${command}" ended with ${code}:\n${output}`)))
  })

/** A state of the progress bar, if the text is one: the bar, the percentage, and the node, without step and remaining time. */
const frameOf = (text: string): string | undefined => /^[█░]+ +\d+ %(?: {2}(?!\d+ \w+ left)[^·]*[^· ])?/.exec(text)?.[0]

/**
 * What a command prints, as states of the progress bar and lines, without what differs from run to run: the batch id and
 * the remaining times. Of the states, the first of each node is kept.
 */
const partsOf = (output: string): ReadonlyArray<{ readonly text: string; readonly isFrame: boolean }> => {
  const parts: Array<{ readonly text: string; readonly isFrame: boolean }> = []
  const nodes = new Set<string>()
  // a carriage return and the sequence that clears the line begin each state
  for (const text of output.replaceAll("\r\n", "\n").replaceAll("\r\u001B[2K", "\n").split("\n")) {
    const frame = frameOf(text)
    if (frame === undefined) {
      if (text !== "" && !text.startsWith("Batch ")) parts.push({ text, isFrame: false })
      continue
    }
    const node = frame.split("%")[1] ?? ""
    if (node.trim() === "" || nodes.has(node)) continue
    nodes.add(node)
    parts.push({ text: frame, isFrame: true })
  }
  return parts
}

/** Runs the commands. Lines get the times of the animation, not their own, so that each recording is the same. */
const record = async (url: string): Promise<Recording> => {
  const cwd = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-picture-"))
  try {
    Fs.copyFileSync(Path.join(root, "examples/soft-thumbnail.json"), Path.join(cwd, "workflow.json"))
    Fs.copyFileSync(Path.join(root, "examples/mountain.png"), Path.join(cwd, "photo.png"))
    const lines: Array<Line> = []
    let at = 0
    let row = 0
    for (const command of commands) {
      lines.push({ text: `$ ${command}`, row: row++, at })
      at += pause.command + command.length * pause.typing
      for (const { isFrame, text } of partsOf(await outputOf(command, cwd, url))) {
        const next = at + (isFrame ? pause.frame : pause.line)
        lines.push({
          text: text.replaceAll(`${cwd}/`, ""),
          row: isFrame ? row : row++,
          at,
          ...(isFrame ? { until: next } : {})
        })
        at = next
      }
      at += pause.command
    }
    const [image = "", ...others] = Fs.globSync("outputs/**/*.png", { cwd })
    if (image === "" || others.length > 0) throw new Error("the commands have to make one image in outputs")
    return { lines, image: Fs.readFileSync(Path.join(cwd, image)) }
  } finally {
    Fs.rmSync(cwd, { recursive: true, force: true })
  }
}

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const colors = { command: "#7aa2f7", text: "#c0caf5" }

const draw = ({ image, lines }: Recording): string => {
  const [imageWidth, imageHeight] = [image.readUInt32BE(16), image.readUInt32BE(20)]
  const width = Math.round(columns * letterWidth + 2 * margin)
  const textHeight = (Math.max(...lines.map(({ row }) => row)) + 2) * lineHeight
  const height = bar + textHeight + imageHeight + margin
  const shown = (text: string) => text.length > columns ? `${text.slice(0, columns - 1)}…` : text
  const texts = lines.map(({ at, row, text, until }) => {
    const duration = until === undefined ? "" : `;animation-duration:${(until - at).toFixed(2)}s`
    return `<text class="${until === undefined ? "shown" : "frame"}" fill="${
      text.startsWith("$ ") ? colors.command : colors.text
    }" x="${margin}" y="${bar + (row + 0.75) * lineHeight}" style="animation-delay:${at.toFixed(2)}s${duration}">${
      escape(shown(text))
    }</text>`
  })
  const end = (lines.at(-1)?.at ?? 0) + pause.image
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="A command runs a workflow in a terminal, and the image appears">`,
    "<style>",
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}",
    ".frame{opacity:0}",
    "@media (prefers-reduced-motion:no-preference){",
    ".frame{animation:frame 1ms}",
    "@keyframes frame{from{opacity:1}to{opacity:1}}",
    ".shown{opacity:0;animation:show 1ms forwards}",
    "image.shown{animation-duration:600ms}",
    "@keyframes show{to{opacity:1}}",
    "}",
    "</style>",
    `<rect width="${width}" height="${height}" rx="8" fill="#1a1b26"/>`,
    ...["#f7768e", "#e0af68", "#9ece6a"].map((fill, index) =>
      `<circle cx="${margin + 6 + index * 18}" cy="${bar / 2}" r="5" fill="${fill}"/>`
    ),
    ...texts,
    `<image class="shown" x="${margin}" y="${
      bar + textHeight
    }" width="${imageWidth}" height="${imageHeight}" style="animation-delay:${
      end.toFixed(2)
    }s" href="data:image/png;base64,${image.toString("base64")}"/>`,
    "</svg>",
    ""
  ].join("\n")
}

const runtime = ManagedRuntime.make(NodeSimulator.layer({ port: 0, nodeDuration: "200 millis" }))
const { url } = Context.get(await runtime.context(), NodeSimulator)
const picture = await record(url.href).then(draw).finally(() => runtime.dispose())

const file = Path.join(root, "docs/demo.svg")
if (!process.argv.includes("--check")) {
  Fs.writeFileSync(file, picture)
  console.log(`docs/demo.svg: ${Math.ceil(picture.length / 1024)} kB`)
} else if (Fs.readFileSync(file, "utf8") !== picture) {
  console.error("docs/demo.svg shows something else than the commands print: run pnpm picture")
  process.exitCode = 1
}
