/** The order that waits for a person, on SQLite and on Postgres. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root, start, temporaryFolder, withServer } from "./support.ts"

const file = Path.join(root, "examples/approval.ts")

/** Kills the program while it renders, starts it again, and approves: everything happens once. */
export const approvalSurvives = (database: Readonly<Record<string, string>>) =>
  withServer({ nodeDuration: "1500 millis" }, ({ simulator, url }) =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      const env = { ...database, INVOKEAI_URL: url }
      const statuses = Effect.map(simulator.state, ({ items }) => items.map(({ status }) => status))
      // a database can have the orders of other runs
      const [one, two] = [`order-${process.pid}-1`, `order-${process.pid}-2`]
      const end = (...args: ReadonlyArray<string>) =>
        Effect.flatMap(start(file, { cwd, env, args }), (program) => program.ended)

      // the scope kills the program
      yield* Effect.scoped(Effect.andThen(
        start(file, { cwd, env, args: [one] }),
        statuses.pipe(
          Effect.repeat({ until: ([first]) => first === "in_progress", schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("30 seconds")
        )
      ))
      const waiting = yield* end(one)
      assert.strictEqual(waiting.code, 0, waiting.output)
      assert.include(waiting.output, `Decide with: node examples/approval.ts ${one} approve`)
      assert.deepStrictEqual(yield* statuses, ["completed"])

      const approved = yield* end(one, "approve")
      assert.strictEqual(approved.code, 0, approved.output)
      assert.include(approved.output, `Published published/${one}.png`)
      assert.include((yield* end(one, "reject")).output, `Published published/${one}.png`)

      const rejected = yield* end(two, "reject")
      assert.include(rejected.output, "Rejected")
      assert.deepStrictEqual(Fs.readdirSync(Path.join(cwd, "published")), [`${one}.png`])
      assert.deepStrictEqual(yield* statuses, ["completed", "completed", "completed"])
    }))
