import { assert, describe, it } from "@effect/vitest"
import * as Yaml from "effect/encoding/Yaml"
import { Deployment } from "kubernetes-models/apps/v1"
import { PersistentVolumeClaim, Secret } from "kubernetes-models/v1"
import { readFileSync } from "node:fs"

interface Manifest {
  readonly kind: string
  readonly [key: string]: unknown
}

const models: Readonly<Record<string, new(manifest: never) => { readonly validate: () => void }>> = {
  Deployment,
  PersistentVolumeClaim,
  Secret
}

const manifests = readFileSync(new URL("../../examples/kubernetes/farm.yaml", import.meta.url), "utf8")
  .split(/^---$/m).map((text) => Yaml.parse(text) as Manifest)

describe("examples/kubernetes/farm.yaml", () => {
  for (const { kind, ...manifest } of manifests) {
    it(`has a ${kind} that the schema of Kubernetes accepts`, () => {
      const Model = models[kind]
      assert(Model !== undefined, kind)
      assert.doesNotThrow(() => new Model(manifest as never).validate())
      assert.throws(() => new Model({ ...manifest, spec: 1, data: 1 } as never).validate())
    })
  }
})
