import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts", ".doctest/**/*.test.ts"],
    exclude: ["test/real-server/**", "test/browser/**", "**/node_modules/**"],
    testTimeout: 20_000
  }
})
