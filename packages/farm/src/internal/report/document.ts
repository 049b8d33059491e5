/** The page of a report. */
import type { FarmResult } from "../../FarmResult.ts"
import type { ReportItem } from "../../ReportItem.ts"
import { program, styles } from "./assets.ts"
import { hrefOf, type Html, html, raw } from "./html.ts"
import { durationOf, elapsedOf, type Grid, type ServerStatistics, textOf } from "./statistics.ts"

/** How much of a value is shown. */
const maxText = 1000

const shorten = (text: string): string => text.length <= maxText ? text : `${text.slice(0, maxText)}…`

const count = (n: number, noun: string): string => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`

/** A duration for people, such as `1.4 s` or `2 h 5 min`. */
export const duration = (millis: number): string => {
  const seconds = millis / 1000
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const inputsOf = ({ inputs }: FarmResult): ReadonlyArray<readonly [string, string]> =>
  Object.entries(inputs).map(([name, value]) => [name, shorten(textOf(value))] as const)

const summary = (items: ReadonlyArray<FarmResult>): string => {
  const having = (status: FarmResult["status"]) => items.filter((item) => item.status === status).length
  const elapsed = elapsedOf(items)
  const files = items.reduce((sum, item) => sum + item.files.length, 0)
  return [
    `${count(items.length, "item")}: ${having("completed").toLocaleString("en")} completed, ${
      having("failed").toLocaleString("en")
    } failed, ${having("canceled").toLocaleString("en")} canceled`,
    count(files, "file"),
    ...(elapsed === undefined ? [] : [`${duration(elapsed)} from the first start to the last end`])
  ].join(" · ")
}

const failures = (items: ReadonlyArray<ReportItem>): Html =>
  items.length === 0 ? raw("") : html`
<section aria-labelledby="failures">
<h2 id="failures">${count(items.length, "failure")}</h2>
<div class="scroll" tabindex="0" role="group" aria-labelledby="failures"><table>
<thead><tr><th scope="col">Item</th><th scope="col">Error</th><th scope="col">Inputs</th><th scope="col">Server</th><th scope="col">Attempts</th></tr></thead>
<tbody>${
    items.map((item) =>
      html`
<tr data-item data-status="${item.status}"><th scope="row">${item.item}</th><td><strong class="bad">${
        item.error?.tag ?? "unknown"
      }</strong><pre>${shorten(item.error?.message ?? "")}</pre></td><td>${definitions(item)}</td><td>${
        item.server ?? "none"
      }</td><td class="number">${item.attempts}</td></tr>`
    )
  }
</tbody></table></div>
</section>`

const definitions = (item: FarmResult): Html => {
  const inputs = inputsOf(item)
  return inputs.length === 0
    ? html`<span class="soft">none</span>`
    : html`<dl>${inputs.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`
}

const servers = (all: ReadonlyArray<ServerStatistics>): Html =>
  all.length === 0 ? raw("") : html`
<section aria-labelledby="servers">
<h2 id="servers">Servers</h2>
<div class="scroll" tabindex="0" role="group" aria-labelledby="servers"><table>
<thead><tr><th scope="col">Server</th><th scope="col">Completed</th><th scope="col">Share</th><th scope="col">Failed</th><th scope="col">Median duration</th><th scope="col">90 % took at most</th><th scope="col">Longest</th></tr></thead>
<tbody>${
    all.map(({ completed, durations, failed, server, share }) =>
      html`
<tr><th scope="row">${server}</th><td class="number">${completed.toLocaleString("en")}</td><td class="number">${
        Math.round(share * 100)
      } %</td><td class="number">${failed.toLocaleString("en")}</td>${
        durations === undefined
          ? html`<td colspan="3">unknown</td>`
          : [durations.median, durations.most, durations.longest].map((each) =>
            html`<td class="number">${duration(each)}</td>`
          )
      }</tr>`
    )
  }
</tbody></table></div>
</section>`

/** The element of a thumbnail, by which the grid finds it. */
const thumbnailId = (item: number, file: number): string => `i${item}-${file}`

/** What an image shows, for those who do not see it: the values that distinguish it. */
const describe = (item: FarmResult, varied: ReadonlyArray<string>): string => {
  const values = varied.filter((name) => name in item.inputs).map((name) =>
    `${name} ${shorten(textOf(item.inputs[name])).slice(0, 120)}`
  )
  return [`Item ${item.item}`, ...values].join(", ")
}

const sheet = (
  items: ReadonlyArray<ReportItem>,
  positions: ReadonlyMap<ReportItem, number>,
  varied: ReadonlyArray<string>
): Html =>
  html`
<section aria-labelledby="results">
<h2 id="results" tabindex="-1">Results</h2>
<ul class="sheet">${
    items.map((item) => {
      const time = durationOf(item)
      const facts: ReadonlyArray<readonly [string, string]> = [
        ...inputsOf(item),
        ...(item.seed === undefined || "seed" in item.inputs ? [] : [["seed", String(item.seed)] as const]),
        ...(item.server === undefined ? [] : [["server", item.server] as const]),
        ...(time === undefined ? [] : [["duration", duration(time)] as const])
      ]
      return html`
<li data-item data-status="${item.status}">${
        item.files.length === 0
          ? raw("")
          : html`<div class="images">${
            item.files.map((file, index) => {
              const thumbnail = item.thumbnails?.[index]
              const size = thumbnail === undefined
                ? raw("")
                : html` width="${thumbnail.width}" height="${thumbnail.height}"`
              const name = file.path.split(/[\\/]/).at(-1) ?? file.path
              return html`<a href="${hrefOf(file.path)}">${
                thumbnail === undefined
                  ? html`${name}`
                  : html`<img id="${thumbnailId(positions.get(item) ?? 0, index)}" src="${thumbnail.url}"${size} alt="${
                    describe(item, varied)
                  }" loading="lazy" decoding="async">`
              }</a>`
            })
          }</div>`
      }<h3>${item.item}${
        item.status === "completed" ? raw("") : html` <span class="bad">(${item.status})</span>`
      }</h3><dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></li>`
    })
  }
</ul>
</section>`

const gridTable = (grid: Grid, positions: ReadonlyMap<FarmResult, number>, items: ReadonlyArray<ReportItem>): Html =>
  html`
<section aria-labelledby="grid">
<h2 id="grid">${grid.rowInput} × ${grid.columnInput}</h2>
<div class="scroll" tabindex="0" role="group" aria-labelledby="grid"><table class="grid">
<thead><tr><td></td>${
    grid.columns.map((value) => html`<th scope="col">${grid.columnInput}: ${shorten(value)}</th>`)
  }</tr></thead>
<tbody>${
    grid.rows.map(({ cells, value }) =>
      html`
<tr><th scope="row">${grid.rowInput}: ${shorten(value)}</th>${
        cells.map((cell) =>
          html`<td>${
            cell.map((result) => {
              const position = positions.get(result)
              const thumbnail = position === undefined ? undefined : items[position]?.thumbnails?.[0]
              const file = result.files[0]
              return file === undefined || thumbnail === undefined
                ? html`<span class="${result.status === "completed" ? "good" : "bad"}">${result.status}</span>`
                : html`<a href="${hrefOf(file.path)}"><img data-of="${
                  thumbnailId(position ?? 0, 0)
                }" width="${thumbnail.width}" height="${thumbnail.height}" alt="${
                  describe(result, [grid.rowInput, grid.columnInput])
                }"></a>`
            })
          }</td>`
        )
      }</tr>`
    )
  }
</tbody></table></div>
</section>`

/** What a page shows. */
export interface Content {
  readonly title: string
  /** All items, failures first. */
  readonly items: ReadonlyArray<ReportItem>
  readonly varied: ReadonlyArray<string>
  readonly servers: ReadonlyArray<ServerStatistics>
  readonly grid: Grid | undefined
}

/** The page, as text. */
export const documentOf = (content: Content): string => {
  const { grid, items, title, varied } = content
  const positions = new Map(items.map((item, index) => [item, index]))
  const failed = items.filter(({ status }) => status === "failed")
  const others = items.filter(({ status }) => status !== "failed")
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<title>${title}</title>
<style>${raw(styles)}</style>
</head>
<body>
<a class="skip" href="#results">Skip to the results</a>
<header>
<h1>${title}</h1>
<p class="soft">${summary(items)}</p>
</header>
<main>
<form role="search" hidden>
<label>Search <input type="search" name="search" autocomplete="off"></label>
<label>Status <select name="status"><option value="">all</option><option>failed</option><option>completed</option><option>canceled</option></select></label>
<p id="shown" role="status" class="soft"></p>
</form>
${failures(failed)}
${grid === undefined ? raw("") : gridTable(grid, positions, items)}
${servers(content.servers)}
${sheet(others, positions, varied)}
</main>
<script>${raw(program)}</script>
</body>
</html>
`.text
}
