/**
 * The modules for Node, each as a namespace and as an entry point of its own. The simulator on a port is not among them, so
 * that a program does not load a server that it never starts: it is `@effect-invokeai/testing/NodeSimulator`.
 *
 * @since 0.1.0
 */
export * as ImageCodec from "./ImageCodec.ts"
export * as NodeInvokeAi from "./NodeInvokeAi.ts"
export * as ProcessIdentity from "./ProcessIdentity.ts"
