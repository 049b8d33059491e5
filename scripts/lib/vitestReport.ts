/** Counts tests in the report that `vitest --reporter=json` writes. */

/** The part of vitest's JSON report that is read here. */
export interface Report {
  readonly testResults: ReadonlyArray<{
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string }>
  }>
}

/** The counts of a report. A test file that fails without a failing test in it (it does not load, say) counts as one failure. */
export const count = (
  report: Report
): { readonly passed: number; readonly failed: number; readonly skipped: number } => {
  const statuses = report.testResults.flatMap((file) => {
    const tests = file.assertionResults.map((test) => test.status)
    return file.status === "failed" && !tests.includes("failed") ? [...tests, "failed"] : tests
  })
  const of = (...wanted: ReadonlyArray<string>) => statuses.filter((status) => wanted.includes(status)).length
  return { passed: of("passed"), failed: of("failed"), skipped: of("skipped", "pending", "todo", "disabled") }
}
