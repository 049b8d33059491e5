/**
 * What the command `effect-invokeai` prints for programs.
 *
 * @since 0.1.0
 */
export * as CommandResult from "./CommandResult.ts"
