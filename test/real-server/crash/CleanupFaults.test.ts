/** What stays on the server if a proxy fails, or nothing responds, while a program cleans up. */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { picture } from "../../media.ts"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"
import { type Interceptor, make, type Treatment } from "./interceptor.ts"

const closeTimeout = Duration.seconds(3)

/** A program behind the proxy. The client is closed at its end. */
const behind = <A, E>(
  program: (proxy: Interceptor) => Effect.Effect<A, E, NodeInvokeAi.Services | Scope.Scope>,
  limit = closeTimeout
) =>
  Effect.scoped(
    Effect.flatMap(make, (proxy) =>
      Effect.scoped(program(proxy)).pipe(
        Effect.provide(NodeInvokeAi.layer({ url: proxy.url, closeTimeout: limit }))
      ))
  )

const elapsed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(Effect.exit(effect)), ([time, exit]) => ({ millis: Duration.toMillis(time), exit }))

/** Repeats a check of the server, without the proxy, for at most some seconds. */
const eventually = <E, R>(what: string, check: Effect.Effect<boolean, E, R>, seconds = 10) =>
  Effect.repeat(check, {
    until: (ok) => ok,
    schedule: Schedule.spaced("200 millis").pipe(Schedule.upTo({ times: seconds * 5 }))
  }).pipe(Effect.map((ok) => assert.isTrue(ok, what)))

const exists = (name: string) => Images.use((images) => images.exists(name))

const failures: ReadonlyArray<readonly [string, Treatment]> = [
  ["503", { status: 503 }],
  ["502", { status: 502 }],
  ["429", { status: 429, headers: { "retry-after": "1" } }],
  ["500", { status: 500, contentType: "text/plain" }],
  ["a dropped connection", "drop"],
  ["a lost response", "lose"],
  ["a web page with status 200", { status: 200 }]
]

/** What does not mean that an image is gone. */
const foreign404s: ReadonlyArray<readonly [string, string, string]> = [
  ["a text", "text/plain", "404 page not found\n"],
  ["a web page", "text/html", "<!doctype html><title>404</title>"],
  ["foreign JSON", "application/json", "{\"error\":\"no such service\"}"],
  ["no body", "text/plain", ""],
  ["the response to a wrong path", "application/json", "{\"detail\":\"Not Found\"}"]
]

/** A job that runs for some time. */
const longJob = (options?: Job.SubmitOptions) =>
  Effect.flatMap(Workflow.fromFile(Support.workflowFile("many-blurs")), (workflow) => Job.submit(workflow, options))

const isRunning = (batchId: string) =>
  SessionQueue.use((queue) =>
    Effect.map(queue.batchStatus(batchId), ({ in_progress, pending }) => in_progress + pending > 0)
  )

it.layer(client(), { excludeTestServices: true })("The cleanup through a failing proxy", (it) => {
  for (const [name, treatment] of failures) {
    it.effect(`deletes an upload even if its DELETE gets ${name} first`, () =>
      Effect.gen(function*() {
        const uploaded = yield* behind((proxy) =>
          Effect.scoped(Effect.gen(function*() {
            const asset = yield* Assets.uploadBytes(picture(16, 16, 1))
            let failing = true
            proxy.treat = ({ method }) => {
              if (method !== "DELETE" || !failing) return "pass"
              failing = false
              return treatment
            }
            return asset.imageName
          }))
        )
        assert.isFalse(yield* exists(uploaded))
      }))
  }

  for (const [name, contentType, body] of foreign404s) {
    it.effect(`deletes an upload even if all requests get 404 with ${name} for a second while its scope closes`, () =>
      Effect.gen(function*() {
        const uploaded = yield* behind((proxy) =>
          Effect.scoped(Effect.gen(function*() {
            const asset = yield* Assets.uploadBytes(picture(16, 16, 1))
            const back = performance.now() + 1000
            proxy.treat = () => performance.now() < back ? { status: 404, contentType, body } : "pass"
            return asset.imageName
          }))
        )
        assert.isFalse(yield* exists(uploaded))
      }))
  }

  it.effect("deletes an upload even if no request gets through for two seconds while its scope closes", () =>
    Effect.gen(function*() {
      const uploaded = yield* behind((proxy) =>
        Effect.scoped(Effect.gen(function*() {
          const asset = yield* Assets.uploadBytes(picture(16, 16, 2))
          const back = performance.now() + 2000
          proxy.treat = () => performance.now() < back ? "drop" : "pass"
          return asset.imageName
        }))
      )
      assert.isFalse(yield* exists(uploaded))
    }))

  it.effect(
    "cancels a job and deletes its upload even if every request takes seconds, and all together longer than closeTimeout",
    () =>
      Effect.gen(function*() {
        const [uploaded, batchId] = yield* behind((proxy) =>
          Effect.scoped(Effect.gen(function*() {
            const asset = yield* Assets.uploadBytes(picture(16, 16, 6))
            const job = yield* longJob()
            yield* Effect.sleep("500 millis")
            proxy.delay = 2500
            return [asset.imageName, job.batchId] as const
          })), Duration.seconds(10))
        assert.isFalse(yield* exists(uploaded))
        assert.isFalse(yield* isRunning(batchId))
      }),
    90_000
  )

  it.effect("closes in time even if the server does not respond, and cleans up in the background as soon as it does", () =>
    behind((proxy) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const [asset, job] = yield* Scope.provide(
          Effect.all([Assets.uploadBytes(picture(16, 16, 3)), longJob()]),
          scope
        )
        yield* Effect.sleep("500 millis")
        proxy.treat = () => "hang"
        const { millis } = yield* elapsed(Scope.close(scope, Exit.void))
        assert.isAtLeast(millis, 2900)
        assert.isBelow(millis, 4000)
        proxy.treat = () => "pass"
        const direct = yield* Effect.context<NodeInvokeAi.Services>()
        yield* eventually(
          "the job is canceled and the upload is deleted",
          Effect.provideContext(
            Effect.zipWith(isRunning(job.batchId), exists(asset.imageName), (runs, there) => !runs && !there),
            direct
          )
        )
      })
    ))

  it.effect("fails with JobTimeout in time even if the server does not respond, and does not claim a cancellation", () =>
    behind((proxy) =>
      Effect.gen(function*() {
        const job = yield* longJob()
        proxy.treat = () => "hang"
        const { exit, millis } = yield* elapsed(Effect.flip(Job.await(job, { timeout: "1 second" })))
        assert.isAtLeast(millis, 1000)
        assert.isBelow(millis, 2000)
        assert(Exit.isSuccess(exit) && exit.value._tag === "WorkflowNotCompleted")
        assert(exit.value.reason._tag === "JobTimeout")
        assert.isFalse(exit.value.reason.canceled)
        proxy.treat = () => "pass"
      })
    ))

  it.effect("returns immediately from an interrupted upload that hangs, and deletes the image that arrived", () =>
    Effect.gen(function*() {
      const images = yield* Images
      const before = new Set((yield* images.names({ origin: "external" })).image_names)
      yield* behind((proxy) =>
        Effect.gen(function*() {
          proxy.treat = ({ path }) => path.endsWith("/images/upload") ? "swallow" : "pass"
          const fiber = yield* Effect.forkChild(Effect.scoped(Assets.uploadBytes(picture(16, 16, 4))))
          yield* Effect.sleep("1 second")
          const arrived = (yield* images.names({ origin: "external" })).image_names.filter((name) => !before.has(name))
          assert.strictEqual(arrived.length, 1)
          assert.isBelow((yield* elapsed(Fiber.interrupt(fiber))).millis, 200)
        })
      )
      assert.sameMembers([...(yield* images.names({ origin: "external" })).image_names], [...before])
    }))

  it.effect("returns immediately from an interrupted upload that the server never gets", () =>
    behind((proxy) =>
      Effect.gen(function*() {
        proxy.treat = () => "hang"
        const fiber = yield* Effect.forkChild(Effect.scoped(Assets.uploadBytes(picture(16, 16, 5))))
        yield* Effect.sleep("500 millis")
        assert.isBelow((yield* elapsed(Fiber.interrupt(fiber))).millis, 200)
      })
    ).pipe(elapsed, Effect.map(({ millis }) => assert.isBelow(millis, 5500))))

  it.effect("deletes the images of a batch that a proxy sent twice", () =>
    Effect.gen(function*() {
      const images = yield* Images
      const queue = yield* SessionQueue
      const before = new Set((yield* images.names()).image_names)
      const node = { type: "blank_image", width: 512, height: 512, is_intermediate: false, use_cache: false }
      const graph = {
        id: "g",
        nodes: {
          first: { id: "first", ...node },
          last: { id: "last", type: "img_blur", radius: 8, is_intermediate: false, use_cache: false }
        },
        edges: [{
          source: { node_id: "first", field: "image" },
          destination: { node_id: "last", field: "image" }
        }]
      }
      const batch: Job.JobBatch = { graph, data: null, workflow: null, runs: 1, size: 1, nodes: new Map() }
      for (const [deleteOutputs, pause] of [[false, 0], [true, 200]] as const) {
        const own = yield* Effect.scoped(Effect.gen(function*() {
          yield* Job.submitBatch(batch, { deleteOutputs: true })
          const job = yield* Job.submitBatch(batch, { deleteOutputs })
          yield* queue.enqueueBatch(
            { batch_id: job.batchId, graph, data: null, runs: 1, workflow: null },
            { prepend: true }
          )
          const { outputs } = yield* job.await
          yield* Effect.sleep(pause)
          return outputs.images.map((output) => output.imageName)
        }))
        yield* Effect.sleep("500 millis")
        const left = (yield* images.names()).image_names.filter((name) => !before.has(name))
        assert.sameMembers(left, deleteOutputs ? [] : own)
        yield* images.deleteMany(left)
      }
    }))
})
