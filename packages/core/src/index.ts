/**
 * The modules of the client, each as a namespace and as an entry point.
 *
 * @since 0.1.0
 */
export * as InvalidOption from "./InvalidOption.ts"
export * as InvokeAi from "./InvokeAi.ts"

// assets
export * as AssetLedger from "./assets/AssetLedger.ts"
export * as Assets from "./assets/Assets.ts"
export * as Cleanup from "./assets/Cleanup.ts"
export * as DownloadError from "./assets/DownloadError.ts"
export * as Downloads from "./assets/Downloads.ts"
export * as ImageCodec from "./assets/ImageCodec.ts"
export * as Provenance from "./assets/Provenance.ts"
export * as UploadError from "./assets/UploadError.ts"

// catalog
export * as NodeCatalog from "./catalog/NodeCatalog.ts"
export * as NodeTemplate from "./catalog/NodeTemplate.ts"

// files
export * as ProcessIdentity from "./files/ProcessIdentity.ts"
export * as RecordError from "./files/RecordError.ts"

// job
export * as Job from "./job/Job.ts"
export * as JobError from "./job/JobError.ts"
export * as JobEvent from "./job/JobEvent.ts"
export * as JobJournal from "./job/JobJournal.ts"
export * as JobRecovery from "./job/JobRecovery.ts"
export * as JobResult from "./job/JobResult.ts"
export * as JobState from "./job/JobState.ts"
export * as JobTracker from "./job/JobTracker.ts"
export * as Outputs from "./job/Outputs.ts"
export * as Submission from "./job/Submission.ts"

// server
export * as AmbiguousName from "./server/AmbiguousName.ts"
export * as Auth from "./server/Auth.ts"
export * as Boards from "./server/Boards.ts"
export * as BulkDownload from "./server/BulkDownload.ts"
export * as EventTransport from "./server/EventTransport.ts"
export * as Images from "./server/Images.ts"
export * as InvokeAiApi from "./server/InvokeAiApi.ts"
export * as InvokeAiClient from "./server/InvokeAiClient.ts"
export * as InvokeAiConfig from "./server/InvokeAiConfig.ts"
export * as InvokeAiError from "./server/InvokeAiError.ts"
export * as Models from "./server/Models.ts"
export * as Prompts from "./server/Prompts.ts"
export * as Queue from "./server/Queue.ts"
export * as ServerEvent from "./server/ServerEvent.ts"
export * as ServerEvents from "./server/ServerEvents.ts"
export * as ServerInfo from "./server/ServerInfo.ts"
export * as Videos from "./server/Videos.ts"
export * as WorkflowLibrary from "./server/WorkflowLibrary.ts"

// workflow
export * as Graph from "./batch/Graph.ts"
export * as WorkflowBatch from "./batch/WorkflowBatch.ts"
export * as WorkflowProblems from "./batch/WorkflowProblems.ts"
export * as Form from "./definition/Form.ts"
export * as WorkflowDefinition from "./definition/WorkflowDefinition.ts"
export * as WorkflowFileError from "./definition/WorkflowFileError.ts"
export * as WorkflowSource from "./definition/WorkflowSource.ts"
export * as InkField from "./field/InkField.ts"
export * as Diff from "./workflow/Diff.ts"
export * as InkForm from "./workflow/InkForm.ts"
export * as InkWorkflowInput from "./workflow/InkWorkflowInput.ts"
export * as InputError from "./workflow/InputError.ts"
export * as LoadedWorkflow from "./workflow/LoadedWorkflow.ts"
export * as Sweep from "./workflow/Sweep.ts"
export * as Workflow from "./workflow/Workflow.ts"
export * as WorkflowResources from "./workflow/WorkflowResources.ts"
