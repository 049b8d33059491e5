/**
 * The modules for tests, each as a namespace and as an entry point of its own. `NodeSimulator`, which serves the simulator on
 * a port, is only an entry point: it loads Node's HTTP server and `socket.io`.
 *
 * @since 0.1.0
 */
export * as Fault from "./Fault.ts"
export * as InvokeAiTest from "./InvokeAiTest.ts"
export * as Simulator from "./Simulator.ts"
