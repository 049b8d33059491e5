/**
 * The modules that programs use, each as a namespace. Every module can also be imported by path, as can those that are
 * needed more rarely.
 *
 * @since 0.1.0
 */
export * as InvokeAi from "./InvokeAi.ts"

// workflow
export * as WorkflowBatch from "./batch/WorkflowBatch.ts"
export * as WorkflowProblems from "./batch/WorkflowProblems.ts"
export * as NodeCatalog from "./catalog/NodeCatalog.ts"
export * as InkField from "./field/InkField.ts"
export * as Diff from "./workflow/Diff.ts"
export * as InkWorkflowInput from "./workflow/InkWorkflowInput.ts"
export * as InputError from "./workflow/InputError.ts"
export * as Sweep from "./workflow/Sweep.ts"
export * as Workflow from "./workflow/Workflow.ts"
export * as WorkflowInterface from "./workflow/WorkflowInterface.ts"

// server
export * as InvokeAiError from "./InvokeAiError.ts"
export * as Auth from "./server/Auth.ts"
export * as Boards from "./server/Boards.ts"
export * as EventTransport from "./server/EventTransport.ts"
export * as Images from "./server/Images.ts"
export * as Models from "./server/Models.ts"
export * as ServerInfo from "./server/ServerInfo.ts"
export * as SessionQueue from "./server/SessionQueue.ts"
export * as WorkflowLibrary from "./server/WorkflowLibrary.ts"

// job
export * as Job from "./job/Job.ts"
export * as JobError from "./job/JobError.ts"
export * as JobEvent from "./job/JobEvent.ts"
export * as JobJournal from "./job/JobJournal.ts"
export * as JobRecovery from "./job/JobRecovery.ts"
export * as Outputs from "./job/Outputs.ts"

// assets
export * as Assets from "./assets/Assets.ts"
export * as Cleanup from "./assets/Cleanup.ts"
export * as Downloads from "./assets/Downloads.ts"

// run
export * as RetryAdvice from "./run/RetryAdvice.ts"
export * as Run from "./run/Run.ts"
export * as TypedWorkflow from "./run/TypedWorkflow.ts"
