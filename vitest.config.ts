import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts", ".doctest/**/*.test.ts"],
    exclude: ["test/real-server/**", "test/browser/**", "test/farm-postgres/**", "**/node_modules/**"],
    testTimeout: 20_000
  }
})
