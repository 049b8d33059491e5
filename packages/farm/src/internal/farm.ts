/** What a farm does. */
import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
import type { CatalogSource } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import { InvalidOption } from "@effect-invokeai/core/InvokeAiError"
import type * as Run from "@effect-invokeai/core/run/Run"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as RcMap from "effect/RcMap"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as Migrator from "effect/sql/Migrator"
import type * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { FarmStoreError, NoSuitableServer, RunConflict, type ServerProblem } from "../FarmError.ts"
import type { FarmOptions, OfferOptions, OfferResult, RowSource } from "../FarmOptions.ts"
import * as Control from "./control.ts"
import * as Db from "./database.ts"
import * as Files from "./files.ts"
import * as Metrics from "./metrics.ts"
import * as Offering from "./offering.ts"
import type { RunSettings } from "./settings.ts"
import * as Worker from "./worker.ts"

/** Without credentials, query and trailing slash. */
const normalize = (url: string | URL): Effect.Effect<string, InvalidOption> =>
  Result.match(Result.try(() => new URL(url)), {
    onFailure: () => Effect.fail(invalidOption("url", "an absolute URL", url)),
    onSuccess: (parsed) =>
      /^https?:$/.test(parsed.protocol)
        ? Effect.succeed(`${parsed.protocol}//${parsed.host}${parsed.pathname.replace(/\/+$/, "")}`)
        : Effect.fail(invalidOption("url", "a URL that begins with http: or https:", url))
  })

const invalidOption = (option: string, expected: string, received: unknown) =>
  new InvalidOption({ subject: "option", option, expected, received: JSON.stringify(received) ?? "undefined" })

const integer = (option: string, value: number, minimum: number): Effect.Effect<number, InvalidOption> =>
  Number.isSafeInteger(value) && value >= minimum && value <= 1_000_000
    ? Effect.succeed(value)
    : Effect.fail(invalidOption(option, `an integer from ${minimum} to 1000000`, value))

const connectFromEnvironment = (url: string): Layer.Layer<NodeInvokeAi.Services, unknown> =>
  NodeInvokeAi.layerConfig({ url, handleSignals: false, tracking: { giveUpAfter: "30 seconds" } })

const toError = (cause: unknown): Error => cause instanceof Error ? cause : new Error(String(cause))

/** Errors of the database, which `FarmStoreError` wraps. */
type StoreFailure = SqlError | PersistedQueue.PersistedQueueError | Migrator.MigrationError | Schema.SchemaError

const storeTags = new Set<unknown>(
  ["SqlError", "PersistedQueueError", "MigrationError", "SchemaError"] satisfies ReadonlyArray<StoreFailure["_tag"]>
)

const isStoreFailure = (error: unknown): error is StoreFailure =>
  typeof error === "object" && error !== null && "_tag" in error && storeTags.has(error._tag)

/** Turns errors of the database into one that says what the farm was doing. */
const storing =
  (operation: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Exclude<E, StoreFailure> | FarmStoreError, R> =>
    Effect.mapError(effect, (error) =>
      isStoreFailure(error)
        ? new FarmStoreError({ operation, cause: error })
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `Exclude` of a type parameter is not narrowed
        : error as Exclude<E, StoreFailure>)

const storingStream =
  (operation: string) =>
  <A, E, R>(stream: Stream.Stream<A, E, R>): Stream.Stream<A, Exclude<E, StoreFailure> | FarmStoreError, R> =>
    Stream.mapError(stream, (error) =>
      isStoreFailure(error)
        ? new FarmStoreError({ operation, cause: error })
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `Exclude` of a type parameter is not narrowed
        : error as Exclude<E, StoreFailure>)

const defaultTemplate = "{run}/{id}"

const settingsOf = Effect.fnUntraced(function*(options: OfferOptions, directory: string) {
  const {
    board,
    deleteOutputs,
    format,
    maxAttempts = 5,
    metadata,
    quality,
    seed,
    template = defaultTemplate,
    timeout
  } = options
  if (!Files.isDistinct(template)) {
    return yield* invalidOption(
      "template",
      "a template with {id} or {row}, so that each item has names of its own",
      template
    )
  }
  yield* Files.checkTemplate(directory, template)
  const settings: RunSettings = {
    template,
    maxAttempts: yield* integer("maxAttempts", maxAttempts, 1),
    ...(format === undefined ? {} : { format }),
    ...(quality === undefined ? {} : { quality }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(board === undefined ? {} : { board }),
    ...(seed === undefined ? {} : { seed }),
    ...(timeout === undefined ? {} : { timeout: Duration.toMillis(Duration.fromInputUnsafe(timeout)) }),
    ...(deleteOutputs === undefined ? {} : { deleteOutputs })
  }
  return settings
})

/** A farm on a database. */
export const make = Effect.fnUntraced(function*(options: FarmOptions) {
  const {
    connect = connectFromEnvironment,
    directory = "outputs",
    retention = "30 days",
    save,
    serverTimeout = "1 minute",
    servers: configured = [],
    store
  } = options
  const services = yield* Effect.context<
    | PersistedQueue.PersistedQueueFactory
    | PersistedQueue.PersistedQueueStore
    | SqlClient.SqlClient
    | FileSystem.FileSystem
    | Path.Path
  >()
  const path = yield* Path.Path
  yield* storing("creating its tables")(Db.migrate)
  const db = yield* Db.make
  const control = Control.make(db)
  const { sql } = db
  const wake = yield* Latch.make(false)
  const ledger = yield* Layer.build(AssetLedger.layerSql({ table: "farm_uploads" })).pipe(
    Effect.mapError((cause) => new FarmStoreError({ operation: "creating its tables", cause }))
  )
  const clients = yield* RcMap.make({
    lookup: (url: string) =>
      Layer.build(Layer.fresh(connect(url))).pipe(Effect.mapError(toError), Effect.provideContext(ledger)),
    idleTimeToLive: "1 minute"
  })
  for (const { concurrency = 2, url } of configured) {
    yield* storing("adding a server")(
      control.configureServer(yield* normalize(url), yield* integer("concurrency", concurrency, 1))
    )
  }

  /** What one server lacks for a workflow. */
  const problemsOn = (url: string, requirements: Db.Requirements): Effect.Effect<ServerProblem> =>
    Effect.gen(function*() {
      const client = yield* RcMap.get(clients, url)
      const { missing } = yield* Offering.missingOn(requirements).pipe(Effect.provideContext(client))
      return { url, reachable: true, problems: missing }
    }).pipe(
      Effect.scoped,
      Effect.timeout("30 seconds"),
      Effect.catch((error) => Effect.succeed({ url, reachable: false, problems: [error.message] }))
    )

  const check = Effect.fnUntraced(function*(requirements: Db.Requirements) {
    const servers = (yield* db.servers).filter(({ state }) => state !== "removed")
    return yield* Effect.forEach(servers, ({ url }) => problemsOn(url, requirements), { concurrency: 8 })
  })

  /** The catalog of the first server that responds, or else the bundled one. */
  const withCatalog = <A, E>(
    effect: Effect.Effect<A, E, CatalogSource | FileSystem.FileSystem | Path.Path>
  ) =>
    Effect.gen(function*() {
      for (const { url } of yield* db.servers) {
        const client = yield* Effect.result(RcMap.get(clients, url))
        if (Result.isFailure(client)) continue
        const version = yield* problemsOn(url, { definition: { nodes: [], edges: [] }, columns: [] })
        if (version.reachable) return yield* Effect.provideContext(effect, client.success)
      }
      return yield* Effect.provide(effect, Snapshot.layer)
    }).pipe(Effect.scoped)

  const open = (source: Run.RunSource) =>
    Workflow.isWorkflow(source)
      ? Effect.succeed(source)
      : withCatalog(
        typeof source === "string"
          ? Workflow.fromFile(source)
          : source instanceof URL
          ? Effect.flatMap(Effect.orDie(path.fromFileUrl(source)), Workflow.fromFile)
          : Workflow.fromJson(source)
      )

  /** Stores items that are not there yet, in the order of the rows. */
  const insert = Effect.fnUntraced(function*(
    run: string,
    items: ReadonlyArray<Offering.CheckedItem>,
    start: number
  ) {
    const now = yield* Clock.currentTimeMillis
    const span = yield* Effect.option(Effect.currentSpan)
    const trace = Option.match(span, { onNone: () => null, onSome: (one) => `${one.traceId}-${one.spanId}` })
    let added = 0
    let position = start
    for (const page of Arr.chunksOf(items, Control.pageSize)) {
      const rows = Arr.map(page, ({ inputs, item }, index): Record<string, unknown> => ({
        run,
        item,
        position: position + index,
        inputs,
        state: "waiting",
        // a worker may still have an item of an earlier run of this name
        holds: now % 1_000_000_000,
        queue_id: Db.queueIdOf(run, item, 0),
        trace,
        queued_at: now
      }))
      position += page.length
      added += yield* sql.withTransaction(Effect.gen(function*() {
        const inserted = yield* sql<{ readonly item: string; readonly queue_id: string }>`
          INSERT INTO farm_items ${sql.insert(rows)} ON CONFLICT (run, item) DO NOTHING RETURNING item, queue_id`
        yield* Control.enqueue(run, inserted)
        return inserted.length
      }))
      yield* wake.release
    }
    return added
  })

  /** Rows whose id the run has already, with other values. */
  const conflicts = Effect.fnUntraced(function*(run: string, items: ReadonlyArray<Offering.CheckedItem>) {
    const found: Array<Offering.CheckedItem> = []
    for (const chunk of Arr.chunksOf(items, Control.pageSize)) {
      const page = new Map(chunk.map((item) => [item.item, item]))
      const known = yield* sql<{ readonly item: string; readonly inputs: string }>`
        SELECT item, inputs FROM farm_items WHERE run = ${run} AND ${sql.in("item", [...page.keys()])}`
      for (const { inputs, item } of known) {
        const offered = page.get(item)
        if (offered !== undefined && offered.inputs !== inputs) found.push(offered)
      }
    }
    return found
  })

  /** The run as it is stored, if it is, and what it would be with these options. */
  const prepare = Effect.fnUntraced(function*(run: string, source: Run.RunSource, offerOptions: OfferOptions) {
    if (!Offering.isName(run)) return yield* invalidOption("run", Offering.nameRule, run)
    const priority = yield* integer("priority", offerOptions.priority ?? 0, -1_000_000)
    const settings = Db.canonical(yield* settingsOf(offerOptions, directory))
    const workflow = yield* open(source)
    const definition = Workflow.toDefinition(workflow)
    const stored = Db.canonical(definition)
    const known = Option.getOrUndefined(yield* db.run(run))
    if (known !== undefined) {
      if (known.state === "canceled") return yield* new RunConflict({ run, conflict: "canceled" })
      if (known.workflow !== stored) return yield* new RunConflict({ run, conflict: "workflow" })
      if (known.settings !== settings) return yield* new RunConflict({ run, conflict: "options" })
    }
    const imagePath = yield* Offering.makeImagePaths(path.resolve(offerOptions.base ?? "."))
    return { priority, settings, workflow, definition, stored, known, imagePath }
  }, Effect.provideContext(services))

  type Prepared = Effect.Success<ReturnType<typeof prepare>>

  /** Stores items that were checked. */
  const commit = Effect.fnUntraced(function*(
    run: string,
    { definition, known, priority, settings, stored }: Prepared,
    checked: Offering.CheckedRows
  ) {
    yield* Offering.rejectConflicts(run, checked.idColumn, yield* conflicts(run, checked.items))
    const columns = known === undefined
      ? checked.columns
      : [...new Set([...Db.requirementsOf(known).columns, ...checked.columns])]
    const servers = yield* check({ definition, columns })
    const unsuitable = servers.filter(({ problems }) => problems.length > 0)
    // those that do not respond may be able to
    if (unsuitable.length === servers.length && servers.every(({ reachable }) => reachable)) {
      return yield* new NoSuitableServer({ run, servers })
    }
    for (const { problems, url } of unsuitable) {
      yield* Effect.logWarning(`${url} gets no items of ${run} for now: ${problems.join("; ")}`)
    }
    yield* sql`INSERT INTO farm_runs ${
      sql.insert({
        run,
        uid: SecureRandom.uuidV4Unsafe(),
        state: "active",
        priority,
        workflow: stored,
        settings,
        columns: JSON.stringify(columns),
        created_at: yield* Clock.currentTimeMillis
      })
    } ON CONFLICT (run) DO UPDATE SET columns = ${JSON.stringify(columns)}, priority = ${priority}`
    const [last] = yield* sql<{ readonly next: number }>`
      SELECT CAST(COALESCE(MAX(position), -1) + 1 AS INTEGER) AS next FROM farm_items WHERE run = ${run}`
    const added = yield* insert(run, checked.items, last?.next ?? 0)
    const result: OfferResult = {
      run,
      rows: checked.rows,
      added,
      existing: checked.items.length - added,
      unsuitable
    }
    return result
  }, Effect.provideContext(services))

  const offer = Effect.fn("Farm.offer")(function*<E = never, R = never>(
    run: string,
    source: Run.RunSource,
    rows: RowSource<E, R>,
    offerOptions: OfferOptions = {}
  ) {
    yield* Effect.annotateCurrentSpan({ run })
    const offering = storing(`offering ${run}`)
    const prepared = yield* offering(prepare(run, source, offerOptions))
    const checked = yield* Offering.checkRows(
      run,
      prepared.workflow,
      Stream.isStream(rows) ? rows : Stream.fromIterable(rows),
      {
        id: offerOptions.id,
        ignore: offerOptions.ignore ?? [],
        imagePath: prepared.imagePath
      }
    )
    return yield* offering(commit(run, prepared, checked))
  })

  /** Starts a feeder for each server, and stops those of removed ones. */
  const manage = Effect.fnUntraced(function*(start: (url: string) => Effect.Effect<void, never, Scope.Scope>) {
    const feeders = new Map<string, Scope.Closeable>()
    const scope = yield* Effect.scope
    const step = Effect.gen(function*() {
      for (const { failing_since, state, url } of yield* db.servers) {
        if (!feeders.has(url)) {
          const own = yield* Scope.fork(scope)
          feeders.set(url, own)
          yield* Scope.provide(start(url), own)
        } else if (state === "removed" && (yield* db.inFlight(url)) === 0) {
          // what jobs left there is deleted first, if the server responds
          if (failing_since === null && (yield* db.leftovers(url)).some((one) => one.abandoned_at === null)) continue
          yield* sql`DELETE FROM farm_servers WHERE url = ${url} AND state = 'removed'`
        }
      }
      const known = new Set((yield* db.servers).map(({ url }) => url))
      for (const [url, feeder] of feeders) {
        if (known.has(url)) continue
        feeders.delete(url)
        yield* Scope.close(feeder, Exit.void)
      }
      for (const { run, waiting } of yield* db.depths) {
        yield* Metric.update(Metric.withAttributes(Metrics.depth, { run }), waiting)
      }
    })
    return yield* step.pipe(
      Effect.catchCause((cause) => Effect.logWarning("The farm's servers could not be read", cause)),
      Effect.andThen(Effect.sleep("1 second")),
      Effect.forever
    )
  })

  const work = Effect.gen(function*() {
    const join = yield* store.join
    yield* Effect.addFinalizer(() => Files.removeEmpty(directory))
    const { feed } = yield* Worker.make({
      db,
      clients,
      directory,
      save,
      serverTimeout: Duration.toMillis(Duration.fromInputUnsafe(serverTimeout)),
      wake
    })
    yield* Layer.build(PersistedQueue.layerCleanup({ timeToLive: "1 hour", failedTimeToLive: "1 hour" }))
    yield* Effect.andThen(
      Files.removeOld(directory),
      control.cleanUp(Duration.toMillis(Duration.fromInputUnsafe(retention)))
    ).pipe(
      Effect.catchCause((cause) => Effect.logWarning("Old runs could not be removed", cause)),
      Effect.repeat(Schedule.spaced("1 hour")),
      Effect.forkScoped
    )
    return yield* manage((url) => join(url, Effect.scoped(feed(url))))
  }).pipe(Effect.scoped, Effect.provideContext(services), Effect.withSpan("Farm.work"))

  const woken = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.tap(effect, () => wake.release)
  return {
    offer,
    check: (workflow: Run.RunSource, columns: ReadonlyArray<string> = []) =>
      Effect.flatMap(open(workflow), (opened) => check({ definition: Workflow.toDefinition(opened), columns })).pipe(
        Effect.provideContext(services),
        storing("reading its servers")
      ),
    status: (run: string) => storing("reading the status")(control.status(run)),
    runs: storing("reading the status")(Effect.flatMap(db.runs, Effect.forEach(control.statusOf))),
    await: (run: string) =>
      Effect.repeat(control.status(run), {
        schedule: Schedule.spaced("500 millis"),
        until: ({ state, running, waiting }) =>
          state === "finished" || (state === "canceled" && running + waiting === 0)
      }).pipe(storing("reading the status")),
    pause: (run: string) => storing("pausing a run")(control.setState(run, "paused")),
    resume: (run: string) => storing("resuming a run")(woken(control.setState(run, "active"))),
    cancel: (run: string) => storing("canceling a run")(control.cancel(run)),
    retry: (run: string) => storing("retrying a run")(woken(Effect.provideContext(control.retry(run), services))),
    setPriority: (run: string, priority: number) =>
      Effect.flatMap(
        integer("priority", priority, -1_000_000),
        (checked) => storing("changing a run")(control.setPriority(run, checked))
      ),
    forget: (run: string) => storing("removing a run")(control.forget(run)),
    results: (run: string, resultOptions: { readonly live?: boolean | undefined } = {}) =>
      storingStream("reading results")(control.results(run, resultOptions.live ?? true)),
    table: (run: string, format: "csv" | "jsonl") => storingStream("reading results")(control.table(run, format)),
    servers: storing("reading its servers")(control.servers),
    addServer: ({ concurrency = 2, url }: { readonly url: string | URL; readonly concurrency?: number | undefined }) =>
      Effect.gen(function*() {
        const normalized = yield* normalize(url)
        yield* control.addServer(normalized, yield* integer("concurrency", concurrency, 1))
        yield* wake.release
      }).pipe(storing("adding a server")),
    drainServer: (url: string | URL) =>
      Effect.flatMap(normalize(url), (one) => control.setServerState(one, "draining")).pipe(
        storing("draining a server")
      ),
    removeServer: (url: string | URL) =>
      Effect.flatMap(normalize(url), (one) => control.setServerState(one, "removed")).pipe(
        storing("removing a server")
      ),
    work: storing("working")(work)
  }
})
