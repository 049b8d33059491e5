/**
 * The modules for Node, each as a namespace and as an entry point of its own.
 *
 * @since 0.1.0
 */
export * as ImageCodec from "./ImageCodec.ts"
export * as NodeInvokeAi from "./NodeInvokeAi.ts"
export * as NodeSimulator from "./NodeSimulator.ts"
