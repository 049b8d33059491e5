import * as Report from "@effect-invokeai/farm/Report"
import * as ImageCodec from "@effect-invokeai/node/ImageCodec"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { readFileSync } from "node:fs"
import { failureOf, noise, resultOf } from "./results.ts"

const thumbnail = { url: "data:image/webp;base64,AAAA", width: 256, height: 128 }

describe("Report.html", () => {
  it("lists failures before everything else, with inputs and error", () => {
    const page = Report.html([resultOf(0), failureOf(1, { inputs: { prompt: "a storm" } }), resultOf(2)])
    assert.include(page, "<h2 id=\"failures\">1 failure</h2>")
    assert.include(page, "Node &quot;Denoise&quot; failed: ValueError: wrong")
    assert.isBelow(page.indexOf("a storm"), page.indexOf("item-0"))
    assert.include(page, "3 items: 2 completed, 1 failed, 0 canceled")
  })

  it("shows the inputs, the seed, the server and the duration next to each image, which leads to its file", () => {
    const page = Report.html([{ ...resultOf(7, { seed: 42 }), thumbnails: [thumbnail] }])
    for (
      const part of [
        "<a href=\"./out/7.png\"><img",
        "width=\"256\" height=\"128\"",
        "<dt>prompt</dt><dd>a lighthouse</dd>",
        "<dt>seed</dt><dd>42</dd>",
        "<dt>server</dt><dd>http://gpu-1:9090</dd>",
        "<dt>duration</dt><dd>0.9 s</dd>"
      ]
    ) assert.include(page, part)
  })

  it("runs nothing that values, names or paths contain, and loads nothing", () => {
    const hostile = "\"><img src=x onerror=alert(1)><script>alert(1)</script>"
    const page = Report.html([
      resultOf(0, {
        item: hostile,
        inputs: { [hostile]: hostile },
        server: hostile,
        files: [{ path: hostile }, { path: "javascript:alert(1)" }, { path: "data:text/html,x" }]
      }),
      failureOf(1, { error: { tag: hostile, message: `${hostile}\u0000\u001b[31m` } })
    ], { title: hostile })
    assert.strictEqual(page.split("<script>").length, 2)
    assert.notInclude(page, "<img src=x")
    assert.notMatch(page, /href="(?:javascript|data):/)
    // oxlint-disable-next-line no-control-regex -- HTML must not contain them
    assert.notMatch(page, /[\u0000\u001b]/)
    assert.notMatch(page, /<(?:link|iframe)|\bsrc="(?!data:)|@import|url\(/)
  })

  it("links paths of every platform and URLs", () => {
    const hrefs = (path: string) =>
      /<a href="([^"]*)"[^>]*>(?!Skip)/.exec(
        Report.html([resultOf(0, { files: [{ path }] })]).replace(/<a class[^>]*>/, "")
      )?.[1]
    assert.strictEqual(hrefs("a b/ü#1.png"), "./a%20b/%C3%BC%231.png")
    assert.strictEqual(hrefs("/data/a%.png"), "file:///data/a%25.png")
    assert.strictEqual(hrefs("C:\\data\\a.png"), "file:///C:/data/a.png")
    assert.strictEqual(hrefs("..\\out\\a.png"), "./../out/a.png")
    assert.strictEqual(hrefs("https://store.example/a.png?x=1&y=2"), "https://store.example/a.png?x=1&amp;y=2")
  })

  const matrix = [10, 20, 30].flatMap((steps, row) =>
    ["ink", "oil"].map((style, column) =>
      Object.assign(resultOf(row * 2 + column, { inputs: { prompt: "a lake", steps, style } }), {
        thumbnails: [thumbnail]
      })
    )
  )

  it("has a grid if exactly two inputs vary, with numbers in order", () => {
    const page = Report.html(matrix.toReversed())
    assert.include(page, "<h2 id=\"grid\">steps × style</h2>")
    const headers = [...page.matchAll(/<th scope="row">(steps: \d+)/g)].map(([, header]) => header)
    assert.deepStrictEqual(headers, ["steps: 10", "steps: 20", "steps: 30"])
    assert.strictEqual(page.split("data-of=").length - 1, 6)
    // the grid has no copies of the thumbnails
    assert.strictEqual(page.split(thumbnail.url).length - 1, 6)
  })

  it("has no grid if one or three inputs vary or most of its cells would be empty, unless it is requested", () => {
    const varied = matrix.map((item, index) => ({ ...item, inputs: { ...item.inputs, cfg: index } }))
    assert.notInclude(Report.html(varied), "id=\"grid\"")
    assert.include(Report.html(varied, { grid: ["style", "steps"] }), "<h2 id=\"grid\">style × steps</h2>")
    assert.notInclude(Report.html(matrix.slice(0, 2)), "id=\"grid\"")
    const diagonal = [1, 2, 3, 4].map((n) => resultOf(n, { inputs: { a: n, b: n } }))
    assert.notInclude(Report.html(diagonal), "id=\"grid\"")
  })

  it("says how long items took on each server, and its share", () => {
    const page = Report.html([
      ...[1, 2, 3].map((n) => resultOf(n, { startedAt: 0, completedAt: n * 1000 })),
      resultOf(4, { server: "http://gpu-2:9090", startedAt: 0, completedAt: 125_000 }),
      failureOf(5)
    ])
    assert.match(
      page.replaceAll(/\s+/g, " "),
      /gpu-1:9090<\/th><td class="number">3<\/td><td class="number">75 %<\/td><td class="number">1<\/td><td class="number">2.0 s<\/td><td class="number">3.0 s<\/td><td class="number">3.0 s/
    )
    assert.include(page, "2 min")
  })

  it("is a page even without items", () => {
    assert.include(Report.html([]), "0 items: 0 completed")
  })
})

const provided = Effect.provide([ImageCodec.layer, NodeServices.layer])

describe("Report.write", () => {
  it.effect("writes a page with a thumbnail of each image, and links that are relative to it", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.makeDirectory(`${directory}/images`)
      yield* fs.copyFile("examples/mountain.png", `${directory}/images/1.png`)
      const path = `${directory}/reports/tonight.html`
      const files = [
        { path: `${directory}/images/1.png`, width: 640, height: 480 },
        { path: `${directory}/images/gone.png` },
        { path: "https://store.example/2.png" }
      ]
      const written = yield* Report.write([resultOf(1, { files })], path)
      const page = readFileSync(path, "utf8")
      assert.deepStrictEqual(written, { path, bytes: Buffer.byteLength(page), thumbnails: 1 })
      assert.match(
        page,
        /<a href="\.\/\.\.\/images\/1\.png"><img [^>]*src="data:image\/webp;base64,[A-Za-z0-9+/=]{200,}"/
      )
      assert.include(page, "<a href=\"./../images/gone.png\">gone.png</a>")
      assert.include(page, "<a href=\"https://store.example/2.png\">2.png</a>")
      assert.deepStrictEqual(yield* fs.readDirectory(`${directory}/reports`), ["tonight.html"])
    })).pipe(provided))

  it.effect(
    "makes thumbnails so small that 1,000 of them take less than 15 MB, whatever the images are",
    () =>
      Effect.scoped(Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        const image = `${directory}/noise.png`
        yield* fs.writeFile(image, noise(1))
        // few of them exist, so that the test is fast; all count
        const results = Array.from({ length: 1000 }, (_, index) =>
          resultOf(index, {
            inputs: { prompt: "a lighthouse at dusk ".repeat(20), seed: index },
            files: [{ path: index < 20 ? image : `${directory}/none-${index}.png`, width: 512, height: 512 }]
          }))
        const { bytes, thumbnails } = yield* Report.write(results, `${directory}/report.html`)
        const without = yield* Report.write(
          results.map(({ index, inputs }) =>
            resultOf(index, { inputs, files: [{ path: "https://store.example/a.png" }] })
          ),
          `${directory}/without.html`
        )
        assert.strictEqual(thumbnails, 20)
        assert.isBelow(without.bytes + (bytes - without.bytes) * 1000 / 20, 15_000_000)
      })).pipe(provided),
    { timeout: 30_000 }
  )
})
