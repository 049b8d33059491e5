import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import type { WorkflowNotReady } from "@effect-invokeai/core/batch/WorkflowProblems"
import type { CatalogSource } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as InkField from "@effect-invokeai/core/field/InkField"
import type * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import type * as Job from "@effect-invokeai/core/job/Job"
import type { InkWorkflowInput } from "@effect-invokeai/core/workflow/InkWorkflowInput"
import type { InputError } from "@effect-invokeai/core/workflow/InputError"
import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
import type { WorkflowNotFound, WorkflowParseError } from "@effect-invokeai/core/workflow/Workflow"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import type { WorkflowResources } from "@effect-invokeai/core/workflow/WorkflowResources"
import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"

// What is wrong here fails the type check of the tests; the functions are never called.

describe("The types", () => {
  it("of values are derived from the tag of a field", () => {
    expectTypeOf<InkField.InkIntegerField["value"]>().toEqualTypeOf<number | undefined>()
    expectTypeOf<InkField.InkFloatField["value"]>().toEqualTypeOf<number | undefined>()
    expectTypeOf<InkField.InkStringField["value"]>().toEqualTypeOf<string | undefined>()
    expectTypeOf<InkField.InkBooleanField["value"]>().toEqualTypeOf<boolean | undefined>()
    expectTypeOf<InkField.InkEnumField["value"]>().toEqualTypeOf<string | number | boolean | undefined>()
    expectTypeOf<InkField.InkSchedulerField["value"]>().toEqualTypeOf<string | undefined>()
    expectTypeOf<InkField.InkImageField["value"]>().toEqualTypeOf<{ readonly image_name: string } | undefined>()
    expectTypeOf<InkField.InkBoardField["value"]>().toEqualTypeOf<
      "auto" | "none" | { readonly board_id: string } | undefined
    >()
    expectTypeOf<InkField.InkVAEModelField["value"]>().toEqualTypeOf<InkField.ModelReference | undefined>()
    expectTypeOf<InkField.InkIntegerCollectionField["value"]>().toEqualTypeOf<ReadonlyArray<number> | undefined>()
    expectTypeOf<Extract<InkField.InkField, { readonly _tag: "InkColorField" }>["value"]>().toEqualTypeOf<
      { readonly r: number; readonly g: number; readonly b: number; readonly a: number } | undefined
    >()
    expectTypeOf(InkField.InkField.Type).toEqualTypeOf<InkField.InkField>()
    expectTypeOf<InkWorkflowInput["field"]>().toEqualTypeOf<InkField.InkField>()
    expectTypeOf<InkWorkflowInput<InkField.InkIntegerField>["field"]["value"]>().toEqualTypeOf<number | undefined>()
  })

  it("of loading have names: errors and services, which those of a client include", () => {
    type Loading = ReturnType<(typeof Workflow)["fromFile" | "fromJson" | "fromPng" | "fromImage" | "fromLibrary"]>
    expectTypeOf<Effect.Error<Loading>>().toEqualTypeOf<Workflow.LoadError>()
    expectTypeOf<Effect.Services<Loading>>().toEqualTypeOf<Workflow.LoadServices>()
    expectTypeOf<Workflow.LoadServices>().toExtend<InvokeAi.Services | FileSystem.FileSystem>()
    expectTypeOf<Effect.Services<ReturnType<typeof Job.submit>>>().toExtend<InvokeAi.Services | Scope.Scope>()
  })

  it("of functions are the same in data-first and data-last form", () => {
    type Set = Effect.Effect<Workflow.Workflow, InputError>
    const forms = (workflow: Workflow.Workflow) =>
      [
        [Workflow.setInput(workflow, "a", 1), workflow.pipe(Workflow.setInput("a", 1))],
        [Workflow.setInputs(workflow, { a: 1 }), workflow.pipe(Workflow.setInputs({ a: 1 }))],
        [Workflow.setInputs(workflow, new Map([[0, 1]])), workflow.pipe(Workflow.setInputs(new Map([["a", 1]])))]
      ] as const
    expectTypeOf(forms).returns.toExtend<ReadonlyArray<readonly [Set, Set]>>()
    const sweeps = (workflow: Workflow.Workflow) =>
      [
        Workflow.sweep(workflow, Sweep.zip({ a: [1] })),
        workflow.pipe(Workflow.sweep(Sweep.zip({ a: [1] })))
      ] as const
    expectTypeOf<ReturnType<typeof sweeps>[0]>().toEqualTypeOf<ReturnType<typeof sweeps>[1]>()
    const batches = (workflow: Workflow.Workflow) =>
      [WorkflowBatch.make(workflow, { runs: 2 }), workflow.pipe(WorkflowBatch.make({ runs: 2 }))] as const
    expectTypeOf<ReturnType<typeof batches>[0]>().toEqualTypeOf<ReturnType<typeof batches>[1]>()
    expectTypeOf<ReturnType<typeof batches>[0]>().toEqualTypeOf<
      Effect.Effect<WorkflowBatch.WorkflowBatch, WorkflowNotReady | InvokeAiError, WorkflowResources>
    >()
  })

  it("of sources declare their errors and services", () => {
    type Unreadable = WorkflowParseError | InvokeAiError
    expectTypeOf(Workflow.fromJson).returns.toEqualTypeOf<
      Effect.Effect<Workflow.Workflow, Unreadable, CatalogSource>
    >()
    expectTypeOf(Workflow.fromFile).returns.toEqualTypeOf<
      Effect.Effect<Workflow.Workflow, WorkflowNotFound | Unreadable, CatalogSource | FileSystem.FileSystem>
    >()
    expectTypeOf(Workflow.fromPng).returns.toEqualTypeOf<
      Effect.Effect<Workflow.Workflow, WorkflowNotFound | Unreadable, CatalogSource>
    >()
    expectTypeOf(Workflow.fromLibrary).returns.toEqualTypeOf<
      Effect.Effect<
        Workflow.Workflow,
        WorkflowNotFound | Unreadable,
        CatalogSource | WorkflowResources
      >
    >()
    expectTypeOf(Workflow.fromImage).returns.toEqualTypeOf(Workflow.fromLibrary(""))
  })
})
