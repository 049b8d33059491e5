/**
 * The modules for tests, each as a namespace and as a separate entry point. `NodeSimulator`, which serves the simulator on
 * a port, is only an entry point, because it loads Node's HTTP server and `socket.io`.
 *
 * @since 0.1.0
 */
export * as Fault from "./Fault.ts"
export * as InvokeAiTest from "./InvokeAiTest.ts"
export * as Simulator from "./Simulator.ts"
