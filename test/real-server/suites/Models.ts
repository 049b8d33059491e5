import { isInstallEnded, Models, toIdentifier } from "@effect-invokeai/core/server/Models"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Support from "../Support.ts"

/** Every method of `Models`; all that changes something is the administrator's. */
export const modelsSuite = (who: string, layer: Layer.Layer<Models>, options: { readonly admin: boolean }): void =>
  it.layer(layer, { excludeTestServices: true })(`models, as ${who}`, (it) => {
    it.effect("are listed, filtered and found by key, hash and name", () =>
      Effect.gen(function*() {
        const models = yield* Models
        const found = yield* models.findByName(Support.modelName, { base: "sd-1", type: "main" })
        const model = Option.getOrThrow(found)
        assert.strictEqual(model.format, "diffusers")
        assert.isAbove(model.file_size ?? 0, 1_000_000)
        assert.include((yield* models.list()).map((model) => model.key), model.key)
        assert.include((yield* models.list({ bases: ["sd-1", "sdxl"], type: "main" })).map((one) => one.key), model.key)
        assert.deepStrictEqual(yield* models.list({ type: "vae" }), [])
        assert.strictEqual((yield* models.get(model.key)).hash, model.hash)
        assert.strictEqual(Option.getOrThrow(yield* models.find(model.key)).key, model.key)
        assert.strictEqual(Option.getOrThrow(yield* models.findByHash(model.hash)).key, model.key)
        assert.deepStrictEqual(yield* models.find("missing"), Option.none())
        assert.deepStrictEqual(yield* models.findByHash("blake3:missing"), Option.none())
        assert.deepStrictEqual(yield* models.findByName(Support.modelName, { base: "sdxl" }), Option.none())
        assert.deepStrictEqual(toIdentifier(model), {
          key: model.key,
          hash: model.hash,
          name: Support.modelName,
          base: "sd-1",
          type: "main"
        })
      }))

    it.effect("are reported if their files are missing", () =>
      Effect.gen(function*() {
        const models = yield* Models
        yield* Support.needs(
          "GET /api/v2/models/missing",
          Effect.map(models.missing, (missing) => assert.deepStrictEqual(missing, [])),
          models.missing
        )
      }))

    if (options.admin) {
      it.effect("are installed, changed and deleted by the administrator", () =>
        Effect.gen(function*() {
          const models = yield* Models
          const tiny = Option.getOrThrow(yield* models.findByName(Support.modelName))
          const source = tiny.path ?? ""
          // Deleting the record of a model that was installed in place leaves its files alone.
          yield* models.delete(tiny.key)
          assert.deepStrictEqual(yield* models.find(tiny.key), Option.none())
          assert.strictEqual((yield* Effect.flip(models.delete(tiny.key))).reason._tag, "NotFound")
          assert.deepStrictEqual(yield* models.scanFolder(source), [{ path: source, is_installed: false }])

          const job = yield* models.install(source, { inplace: true, changes: { name: Support.modelName } })
          const states = yield* Stream.runCollect(models.follow(job.id, { interval: "100 millis" }))
          const last = states.at(-1)!
          assert.isTrue(isInstallEnded(last))
          assert.strictEqual(last.status, "completed")
          const key = last.config_out?.key ?? ""
          assert.include((yield* models.installJobs).map((job) => job.id), job.id)
          assert.strictEqual((yield* models.installJob(job.id)).status, "completed")
          yield* models.cancelInstall(job.id)
          assert.strictEqual((yield* Effect.flip(models.cancelInstall(1_000_000))).reason._tag, "NotFound")
          yield* models.pruneInstalls
          assert.notInclude((yield* models.installJobs).map((job) => job.id), job.id)

          assert.strictEqual((yield* models.update(key, { description: "for tests" })).description, "for tests")
          yield* models.emptyCache
          assert.isTrue(Option.isOption(yield* models.stats))
          const unknown = yield* Effect.flip(models.install("not a source"))
          assert.strictEqual(unknown.reason._tag, "Conflict")
        }))
    } else {
      it.effect("cannot be changed by a user", () =>
        Effect.gen(function*() {
          const models = yield* Models
          const tiny = Option.getOrThrow(yield* models.findByName(Support.modelName))
          const errors = yield* Effect.all([
            Effect.flip(models.delete(tiny.key)),
            Effect.flip(models.update(tiny.key, { description: "mine" })),
            Effect.flip(models.install("a/repository"))
          ])
          for (const error of errors) assert.strictEqual(error.reason._tag, "Forbidden", error.message)
          assert.strictEqual((yield* models.get(tiny.key)).key, tiny.key)
        }))
    }
  })
