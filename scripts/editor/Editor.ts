/**
 * The editor of an InvokeAI server in headless Chromium, driven as a user drives it: choose a file, set values in the
 * form, press Invoke. Nothing is enqueued: the request is recorded instead.
 */
import * as Predicate from "effect/Predicate"
import { type Browser, type HTTPRequest, launch, type Page } from "puppeteer-core"
import { chromium } from "../lib/chromium.ts"

/** The editor did not open a file. */
export interface Refused {
  readonly toasts: ReadonlyArray<string>
  readonly loaded: false
}

/** What the editor did with a file, in the form that `pnpm conformance` reads. */
export interface Recorded {
  readonly toasts: ReadonlyArray<string>
  readonly loaded: true
  /** Labels of the form in View mode, in order. */
  readonly formFieldLabels: ReadonlyArray<string>
  readonly invokeDisabled: boolean
  /** The lines of the Invoke button's tooltip. */
  readonly tooltip: ReadonlyArray<string>
  readonly disabledReasons: ReadonlyArray<string>
  /** The body of the request; `null` while Invoke is disabled. */
  readonly enqueueRequestBody: unknown
  /** The body with "Validate Connections and Graph" switched off; only where Invoke is disabled. */
  readonly enqueueRequestBodyWithoutValidation?: unknown
  /** The graph with an auto-add board selected. */
  readonly graphAutoBoard: unknown
}

/** What is done to a file before Invoke. */
export interface Recording {
  /** Path of the workflow file. */
  readonly file: string
  /** The workflow in it. */
  readonly workflow: unknown
  /** Values by the label of the form's field: typed into its first text or number input. */
  readonly values: ReadonlyMap<string, string>
}

const autoBoard = "AUTO_BOARD"

const image = (name: string) => ({
  image_name: name,
  image_url: `api/v1/images/i/${name}/full`,
  thumbnail_url: `api/v1/images/i/${name}/thumbnail`,
  image_origin: "internal",
  image_category: "general",
  width: 64,
  height: 64,
  created_at: "2025-01-01 00:00:00.000",
  updated_at: "2025-01-01 00:00:00.000",
  is_intermediate: false,
  starred: false,
  has_workflow: false
})

const board = (id: string) => ({
  board_id: id,
  board_name: id,
  created_at: "2025-01-01 00:00:00.000",
  updated_at: "2025-01-01 00:00:00.000",
  cover_image_name: null,
  archived: false,
  is_private: false,
  image_count: 0,
  asset_count: 0
})

/** All objects inside a value. */
const objectsIn = function*(value: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (Array.isArray(value)) {
    for (const item of value) yield* objectsIn(item)
  } else if (Predicate.isObject(value)) {
    yield value
    for (const item of Object.values(value)) yield* objectsIn(item)
  }
}

/**
 * What the server says in place of what it does not have: the images, models and boards of a file are answered as
 * present, so that the editor keeps them. `undefined` for every other request.
 */
const presentIn = (workflow: unknown) => {
  const objects = [...objectsIn(workflow)]
  const models = new Map(
    objects.flatMap((object) =>
      typeof object["key"] === "string" && typeof object["base"] === "string" ? [[object["key"], object]] : []
    )
  )
  const boards = new Set(
    objects.flatMap(({ board_id }) => typeof board_id === "string" && board_id !== "none" ? [board_id] : [])
  )
  return (method: string, { pathname, searchParams }: URL): unknown => {
    if (method !== "GET") return undefined
    const [, kind, id = ""] = /\/api\/v[12]\/(images|models|boards)\/(?:i\/)?([^/]*)$/.exec(pathname) ?? []
    const name = decodeURIComponent(id)
    if (kind === "images" && pathname.includes("/i/")) return image(name)
    if (kind === "models" && pathname.includes("/i/")) return models.get(name)
    if (kind !== "boards") return undefined
    if (name !== "") return board(name)
    const all = [...boards, autoBoard].map(board)
    return searchParams.has("all") ? all : { items: all, limit: all.length, offset: 0, total: all.length }
  }
}

/** The request of Invoke, with a placeholder for the id that is drawn each time. */
const withoutDrawnId = (body: unknown): unknown => {
  const batch = Predicate.isObject(body) ? body["batch"] : undefined
  const graph = Predicate.isObject(batch) ? batch["graph"] : undefined
  return Predicate.isObject(body) && Predicate.isObject(batch) && Predicate.isObject(graph)
    ? { ...body, batch: { ...batch, graph: { ...graph, id: "GRAPH_ID" } } }
    : body
}

const graphOf = (body: unknown): unknown => {
  const batch = Predicate.isObject(body) ? body["batch"] : undefined
  return Predicate.isObject(batch) ? batch["graph"] : null
}

const enqueued = { queue_id: "default", enqueued: 1, requested: 1, priority: 0, item_ids: [1], batch: {} }

const json = (request: HTTPRequest, status: number, body: unknown) =>
  request.respond({ status, contentType: "application/json", body: JSON.stringify(body) })

/** Waits until a check of the page gives something other than `undefined`; gives `undefined` after the time. */
const until = async <A>(
  millis: number,
  check: () => Promise<A | undefined> | A | undefined
): Promise<A | undefined> => {
  const end = performance.now() + millis
  for (;;) {
    const found = await check()
    if (found !== undefined || performance.now() > end) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Ends when a value has been the same for a while. */
const settled = async <A>(read: () => Promise<A>, quiet: number): Promise<A> => {
  let last = await read()
  let since = performance.now()
  await until(15_000, async () => {
    const now = await read()
    if (JSON.stringify(now) !== JSON.stringify(last)) {
      last = now
      since = performance.now()
    }
    return performance.now() - since > quiet ? true : undefined
  })
  return last
}

/** Clicks the button or tab with a name. */
const click = (page: Page, name: string): Promise<boolean> =>
  page.evaluate((name) => {
    const button = [...document.querySelectorAll<HTMLElement>("button,[role=tab]")].find((one) =>
      one.getAttribute("aria-label") === name || one.textContent?.trim() === name
    )
    button?.click()
    return button !== undefined
  }, name)

/** Dispatches to the Redux store of the editor: what a user does in a menu of settings. */
const dispatch = (page: Page, type: string, payload: unknown): Promise<void> =>
  page.evaluate(
    (action) => {
      interface Fiber {
        readonly memoizedProps?: { readonly store?: { readonly dispatch?: (action: unknown) => void } } | null
        readonly child?: Fiber | null
        readonly sibling?: Fiber | null
      }
      const root = document.getElementById("root") ?? document.body
      const name = Object.keys(root).find((key) => key.startsWith("__reactContainer")) ?? ""
      // React keeps its tree in a property of the element; nothing else leads to the store
      const queue: Array<Fiber> = [(root as unknown as Record<string, Fiber>)[name] ?? {}]
      for (let fiber = queue.shift(); fiber !== undefined; fiber = queue.shift()) {
        const { dispatch } = fiber.memoizedProps?.store ?? {}
        if (dispatch !== undefined) return dispatch(action)
        if (fiber.child) queue.push(fiber.child)
        if (fiber.sibling) queue.push(fiber.sibling)
      }
      throw new Error("the editor's store was not found")
    },
    { type, payload }
  )

/** Keeps the text of each toast, because toasts disappear by themselves. */
const keepToasts = (page: Page) =>
  page.evaluateOnNewDocument(() => {
    const shown = new Map<Element, string>()
    Object.assign(globalThis, { toasts: shown })
    new MutationObserver(() => {
      for (const one of document.querySelectorAll<HTMLElement>(".chakra-alert")) {
        const text = one.innerText.replaceAll(/\s+/g, " ").trim()
        if (text !== "") shown.set(one, text)
      }
    }).observe(document, { childList: true, subtree: true, characterData: true })
  })

const readToasts = (page: Page): Promise<ReadonlyArray<string>> =>
  page.evaluate(() => [...(globalThis as unknown as { toasts: Map<Element, string> }).toasts.values()])

const readLabels = (page: Page): Promise<ReadonlyArray<string>> =>
  page.evaluate(() => {
    const fields = [...document.querySelectorAll<HTMLElement>(".form-builder-node-field")]
    return fields.map((field) =>
      (field.querySelector<HTMLElement>("label, p") ?? field).innerText.replaceAll(/\s+/g, " ").trim()
    )
  })

const invokeButton = "button[data-testid='invoke-button'], button"

const readInvoke = (page: Page): Promise<{ readonly disabled: boolean; readonly x: number; readonly y: number }> =>
  page.evaluate((selector) => {
    const button = [...document.querySelectorAll<HTMLButtonElement>(selector)].find((one) =>
      one.textContent?.trim() === "Invoke"
    )
    if (button === undefined) throw new Error("the editor has no Invoke button")
    const { height, left, top, width } = button.getBoundingClientRect()
    const disabled = button.disabled || button.getAttribute("aria-disabled") === "true"
    return { disabled, x: left + width / 2, y: top + height / 2 }
  }, invokeButton)

const readTooltip = (page: Page): Promise<{ readonly lines: Array<string>; readonly reasons: Array<string> }> =>
  page.evaluate(() => {
    const tooltip = document.querySelector<HTMLElement>("[role=tooltip][id^='tooltip-']")
    const all = [...tooltip?.querySelectorAll<HTMLElement>("p, li") ?? []]
    const outer = all.filter((one) => one.parentElement?.closest("p, li") === null)
    return {
      lines: outer.map((one) => one.innerText.trim()),
      reasons: outer.filter((one) => one.tagName === "LI").map((one) => one.innerText.trim())
    }
  })

/** Opens the editor in a fresh context, so that nothing of another file is left. */
const opened = async (browser: Browser, url: string, answer: ReturnType<typeof presentIn>) => {
  const context = await browser.createBrowserContext()
  const page = await context.newPage()
  await page.setViewport({ width: 1600, height: 1200 })
  const bodies: Array<unknown> = []
  let hasTemplates = false
  page.on("console", (message) => {
    if (/Built \d+ node templates/.test(message.text())) hasTemplates = true
  })
  await page.setRequestInterception(true)
  page.on("request", (request) => {
    const target = new URL(request.url())
    if (target.origin !== new URL(url).origin) return void request.abort()
    if (request.method() === "POST" && target.pathname.endsWith("/enqueue_batch")) {
      bodies.push(withoutDrawnId(JSON.parse(request.postData() ?? "null")))
      return void json(request, 201, enqueued)
    }
    // with gzip, the server responds with a 500 to the request that opens the event connection
    if (target.pathname.startsWith("/ws/")) {
      return void request.continue({ headers: { ...request.headers(), "accept-encoding": "identity" } })
    }
    // servers from 6.6 on keep the editor's settings, and would give those of the last file to the next
    if (target.pathname.includes("/client_state/")) return void json(request, 200, null)
    const present = answer(request.method(), target)
    return void (present === undefined ? request.continue() : json(request, 200, present))
  })
  await keepToasts(page)
  await page.goto(url, { waitUntil: "domcontentloaded", timeout: 120_000 })
  const ready = await until(120_000, () => hasTemplates ? true : undefined)
  if (ready === undefined) throw new Error("the editor did not read the server's node types within 120 s")
  return { bodies, close: () => context.close(), page }
}

/** Presses Invoke, and gives the body that the editor sends; `null` if it sends nothing. */
const invoked = async (page: Page, bodies: Array<unknown>): Promise<unknown> => {
  bodies.length = 0
  // the button follows a change of the settings with a delay
  const body = await until(6_000, async () => {
    await click(page, "Invoke")
    return until(500, () => bodies.at(0))
  })
  return body ?? null
}

/** Types a value into the form's field with a label. */
const typeInto = async (page: Page, label: string, value: string): Promise<void> => {
  const handle = await page.evaluateHandle((label) => {
    const fields = [...document.querySelectorAll<HTMLElement>(".form-builder-node-field")]
    const field = fields.find((one) => one.querySelector<HTMLElement>("label, p")?.innerText.trim() === label)
    return field?.querySelector<HTMLElement>("input:not([type=file]), textarea") ?? null
  }, label)
  const control = handle.asElement()
  if (control === null) throw new Error(`the form has no field "${label}" to type into`)
  await control.evaluate((element) => {
    if (element instanceof HTMLElement) element.focus()
  })
  await page.keyboard.down("Control")
  await page.keyboard.press("a")
  await page.keyboard.up("Control")
  await page.keyboard.type(value)
  await page.keyboard.press("Tab")
}

/** Loads one file into the editor, sets values, and records what the editor shows and sends. */
export const record = async (browser: Browser, url: string, recording: Recording): Promise<Recorded | Refused> => {
  const { bodies, close, page } = await opened(browser, url, presentIn(recording.workflow))
  try {
    const input = await until(60_000, async () => {
      await click(page, "Workflows")
      return await page.$("input[type=file][accept*='application/json']") ?? undefined
    })
    if (input === undefined) throw new Error("the editor shows no file input for workflows within 60 s")
    await input.uploadFile(recording.file)
    const reported = await until(60_000, async () => {
      // the empty workflow that is open has "unsaved changes"
      await click(page, "Load")
      return (await readToasts(page)).find((toast) => toast.includes("Workflow"))
    })
    if (reported === undefined) throw new Error("the editor did not say within 60 s whether it opened the file")
    const toasts = await settled(() => readToasts(page), 500)
    if (!reported.startsWith("Workflow Loaded")) return { toasts, loaded: false }
    const formFieldLabels = await settled(() => readLabels(page), 1_000)
    for (const [label, value] of recording.values) await typeInto(page, label, value)

    const { disabled, x, y } = await settled(() => readInvoke(page), 1_500)
    await page.mouse.move(x, y)
    await until(5_000, async () => (await readTooltip(page)).lines.length > 0 ? true : undefined)
    const { lines, reasons } = await settled(() => readTooltip(page), 500)
    if (reasons.includes("System disconnected")) throw new Error("the editor is not connected to the server's events")
    const body = disabled ? null : await invoked(page, bodies)

    await dispatch(page, "workflowSettings/shouldValidateGraphChanged", false)
    const unchecked = disabled ? await invoked(page, bodies) : undefined
    await dispatch(page, "gallery/autoAddBoardIdChanged", autoBoard)
    const withBoard = await invoked(page, bodies)
    return {
      toasts,
      loaded: true,
      formFieldLabels,
      invokeDisabled: disabled,
      tooltip: lines,
      disabledReasons: reasons,
      enqueueRequestBody: body,
      ...(unchecked === undefined ? {} : { enqueueRequestBodyWithoutValidation: unchecked }),
      graphAutoBoard: graphOf(withBoard)
    }
  } finally {
    await close()
  }
}

/** Starts headless Chromium: Debian's, or the one that `CHROMIUM` names. */
export const launchChromium = (): Promise<Browser> =>
  launch({
    executablePath: chromium ?? "chromium",
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
  })
