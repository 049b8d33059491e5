#!/usr/bin/env node
/** The command `effect-invokeai`. The compile cache comes first, so that every other module is in it. */
import { enableCompileCache } from "node:module"

enableCompileCache()
void import("./internal/main.ts")
