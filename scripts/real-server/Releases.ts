/**
 * The releases of InvokeAI that `pnpm test:server --version` installs and runs.
 */
import * as Effect from "effect/Effect"
import { RealServerError } from "./Cache.ts"

/** A release, with what differs between releases when they are installed and started. */
export interface Release {
  readonly version: string
  /** The packages that decide which server it is. */
  readonly packages: ReadonlyArray<string>
  /** Packages that were uploaded later are not installed, so that two machines get the same server. */
  readonly newest: string
  /** The `schema_version` of `invokeai.yaml` that the server reads. */
  readonly configSchema: string
  /** Whether the server has user accounts. */
  readonly hasMultiUser: boolean
  /** Number of workflows that the release ships. */
  readonly shippedWorkflows: number
}

const release = (
  version: string,
  newest: string,
  torch: readonly [torch: string, torchvision: string],
  options: Pick<Release, "configSchema" | "hasMultiUser" | "shippedWorkflows">
): Release => ({
  version,
  packages: [`torch==${torch[0]}`, `torchvision==${torch[1]}`, `invokeai==${version}`],
  newest,
  ...options
})

const older = { configSchema: "4.0.2", hasMultiUser: false, shippedWorkflows: 14 }

const torch2025 = ["2.7.1", "0.22.1"] as const

/** All releases that can be installed, oldest first. Behavior changed in each. */
export const releases: ReadonlyArray<Release> = [
  release("6.3.0", "2025-08-26", torch2025, older),
  release("6.5.1", "2025-09-12", torch2025, older),
  release("6.7.0", "2025-10-06", torch2025, older),
  release("6.8.1", "2025-11-02", torch2025, older),
  release("6.11.1", "2026-02-27", torch2025, older),
  release("6.13.8", "2026-09-03", torch2025, { configSchema: "4.0.3", hasMultiUser: true, shippedWorkflows: 14 }),
  release("6.14.2", "2026-11-26", ["2.14.1", "0.29.1"], {
    configSchema: "4.0.3",
    hasMultiUser: true,
    shippedWorkflows: 26
  })
]

/** The newest release: what is tested unless another is asked for. */
export const newestVersion = "6.14.2"

/** The release of a version. */
export const releaseOf = (version: string): Effect.Effect<Release, RealServerError> => {
  const found = releases.find((release) => release.version === version)
  return found !== undefined
    ? Effect.succeed(found)
    : Effect.fail(
      new RealServerError({
        step: `Looking for InvokeAI ${version}`,
        detail: `unknown version; use one of ${releases.map((release) => release.version).join(", ")}`
      })
    )
}
