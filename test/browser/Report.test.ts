/** The report of a farm, opened from a file in Chromium without a network. */
import * as Report from "@effect-invokeai/farm/Report"
import * as ImageCodec from "@effect-invokeai/node/ImageCodec"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import axe from "axe-core"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import { type Browser, launch, type Page } from "puppeteer-core"
import { afterAll, beforeAll } from "vitest"
import { chromium } from "../../scripts/lib/chromium.ts"
import { failureOf, noise, resultOf } from "../farm/results.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-report-"))
const file = Path.join(folder, "report.html")
let browser: Browser
let written: Report.WrittenReport

beforeAll(async () => {
  Fs.mkdirSync(Path.join(folder, "out"))
  const ordinary = Fs.readFileSync("examples/mountain.png")
  for (let image = 1; image <= 20; image++) {
    Fs.writeFileSync(Path.join(folder, "out", `${image}.png`), image % 5 === 0 ? noise(image) : ordinary)
  }
  const styles = ["ink", "oil", "chalk", "pencil", "collage"]
  const results = Array.from({ length: 1000 }, (_, index) => {
    const inputs = { prompt: "a lighthouse at dusk", seed: Math.floor(index / 5), style: styles[index % 5] }
    return index % 100 === 7
      ? failureOf(index, { inputs })
      : resultOf(index, {
        inputs,
        server: `http://gpu-${1 + index % 3}:9090`,
        files: [{ path: Path.join(folder, "out", `${1 + index % 20}.png`), width: 512, height: 512 }]
      })
  })
  written = await Effect.runPromise(
    Report.write(results, file, { title: "Tonight", grid: ["seed", "style"] }).pipe(
      Effect.provide([ImageCodec.layer, NodeServices.layer])
    )
  )
  browser = await launch({
    executablePath: chromium ?? "chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
  })
}, 240_000)

afterAll(async () => {
  await browser.close()
  Fs.rmSync(folder, { recursive: true, force: true })
})

const open = async (dark = false): Promise<{ readonly page: Page; readonly problems: ReadonlyArray<string> }> => {
  const page = await browser.newPage()
  const problems: Array<string> = []
  page.on("console", (message) => void problems.push(message.text()))
  page.on("pageerror", (error) => void problems.push(String(error)))
  page.on("request", (request) => {
    if (!/^(?:file|data):/.test(request.url())) problems.push(`requested ${request.url()}`)
  })
  await page.setViewport({ width: 1200, height: 900 })
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }])
  await page.setOfflineMode(true)
  await page.goto(pathToFileURL(file).href)
  return { page, problems }
}

const shown = (page: Page) => page.$eval("#shown", (element) => element.textContent)

/** What axe finds wrong. */
const violations = async (page: Page) => {
  const source: unknown = axe.source
  // the page forbids scripts from elsewhere, and this one is not part of it
  await page.evaluate(String(source))
  const { violations: found } = await page.evaluate(() =>
    (globalThis as unknown as { readonly axe: typeof axe }).axe.run({ resultTypes: ["violations"] })
  )
  return found.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`)
}

const colors = (page: Page) =>
  page.$eval("body", (body) => {
    const { backgroundColor, color } = getComputedStyle(body)
    return [backgroundColor, color]
  })

describe("the report of 1,000 images in Chromium", () => {
  it("takes less than 15 MB, opens without a network, and shows every thumbnail", async () => {
    assert.isBelow(written.bytes, 15_000_000)
    assert.strictEqual(written.thumbnails, 990)
    const { page, problems } = await open()
    const broken = await page.$$eval("img", async (images) => {
      for (const image of images) image.loading = "eager"
      await Promise.all(images.map((image) => image.decode().catch(() => undefined)))
      return images.filter((image) => image.naturalWidth === 0).length
    })
    assert.strictEqual(broken, 0)
    assert.strictEqual((await page.$$("img")).length, 2 * 990)
    assert.deepStrictEqual(problems, [])
    await page.close()
  }, 120_000)

  for (const dark of [false, true]) {
    it(`has nothing that axe reports, in ${dark ? "dark" : "light"} mode`, async () => {
      const { page } = await open(dark)
      // as many as fit on a few screens: the others are the same, and axe measures the contrast of each
      await page.evaluate(() => {
        for (
          const element of [...document.querySelectorAll(".sheet > li, .grid tbody tr")].filter((_, n) => n % 40 > 0)
        ) {
          element.remove()
        }
      })
      assert.deepStrictEqual(await violations(page), [])
      const [background, text] = await colors(page)
      assert.deepStrictEqual(
        [background, text],
        dark ? ["rgb(20, 22, 26)", "rgb(240, 241, 243)"] : ["rgb(255, 255, 255)", "rgb(22, 24, 29)"]
      )
      await page.close()
    }, 120_000)
  }

  it("is searched and filtered, and says how many items it shows", async () => {
    const { page } = await open()
    assert.strictEqual(await shown(page), "All 1000 items are shown.")
    await page.type("input[type=search]", "CHALK item-12")
    assert.strictEqual(await shown(page), "3 items of 1000 are shown.")
    const visible = await page.$$eval(
      "[data-item]:not([hidden]) :is(h3, tbody th)",
      (titles) => titles.map((title) => title.textContent?.trim())
    )
    assert.deepStrictEqual(visible, ["item-12", "item-122", "item-127"])
    await page.keyboard.press("Escape")
    assert.strictEqual(await shown(page), "All 1000 items are shown.")
    await page.select("select", "failed")
    assert.strictEqual(await shown(page), "10 items of 1000 are shown.")
    await page.type("input[type=search]", "item-507")
    assert.strictEqual(await shown(page), "1 item of 1000 is shown.")
    await page.close()
  }, 120_000)

  it("is used with the keyboard: the link to the results, the search, the tables and each image", async () => {
    const { page } = await open()
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement
        const style = element === null ? undefined : getComputedStyle(element)
        return {
          name: element?.getAttribute("name") ?? element?.getAttribute("href") ??
            element?.getAttribute("aria-labelledby"),
          isVisible: style?.outlineStyle !== "none" || element?.className === "skip"
        }
      })
    const names: Array<string | null | undefined> = []
    for (let step = 0; step < 4; step++) {
      await page.keyboard.press("Tab")
      const { isVisible, name } = await focused()
      names.push(name)
      assert.isTrue(isVisible, String(name))
    }
    assert.deepStrictEqual(names, ["#results", "search", "status", "failures"])
    await page.focus(".skip")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert.strictEqual((await focused()).name, "./out/1.png")
    await page.keyboard.press("Enter")
    await page.waitForNavigation().catch(() => undefined)
    assert.strictEqual(page.url(), pathToFileURL(Path.join(folder, "out", "1.png")).href)
    await page.close()
  }, 120_000)
})
