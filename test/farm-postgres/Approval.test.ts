/** The example of a durable workflow on Postgres. */
import { describe, it } from "@effect/vitest"
import { approvalSurvives } from "../examples/approvalProgram.ts"

describe("The order that waits for approval", () => {
  it.live(
    "does every step once on Postgres, even if it is killed while it renders",
    () => approvalSurvives({ DATABASE_URL: process.env["FARM_POSTGRES_URL"] ?? "" }),
    180_000
  )
})
