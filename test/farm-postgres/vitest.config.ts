import { defineConfig } from "vitest/config"

export default defineConfig({ test: { include: ["test/farm-postgres/**/*.test.ts"], testTimeout: 60_000 } })
