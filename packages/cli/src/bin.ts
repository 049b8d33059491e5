#!/usr/bin/env node
/** The command `effect-invokeai`. Checks the version of Node before it loads anything that an older Node lacks. */
import * as Module from "node:module"

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
if (major > 22 || (major === 22 && minor >= 19)) {
  // before every other module, so that they are in the cache
  Module.enableCompileCache()
  void import("./internal/main.ts")
} else {
  process.stderr.write(
    `effect-invokeai needs Node 22.19 or later, and this is Node ${process.versions.node}. Install one from https://nodejs.org.\n`
  )
  process.exitCode = 2
}
