import { defineConfig } from "vitest/config"

/** Tests that need the real server; `pnpm test:server` starts it and says by `INVOKEAI_TEST_…` where it is. */
export default defineConfig({
  cacheDir: "../../node_modules/.vite/real-server",
  test: {
    root: import.meta.dirname,
    include: ["*/*.test.ts"],
    // One server, one queue: the tests take turns.
    fileParallelism: false,
    // minutes on a busy machine
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
