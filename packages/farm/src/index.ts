/**
 * The modules for many servers and many workers, each as a namespace and as an entry point of its own.
 *
 * @since 0.1.0
 */
export * as Farm from "./Farm.ts"
export * as FarmError from "./FarmError.ts"
export * as FarmResult from "./FarmResult.ts"
export * as FarmStore from "./FarmStore.ts"
export * as RenderActivity from "./RenderActivity.ts"
export * as Report from "./Report.ts"
export * as Rows from "./Rows.ts"
export * as SqliteClient from "./SqliteClient.ts"
