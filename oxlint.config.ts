/**
 * The lint rules, and in them the walls between the rooms of `packages/core/src`: which room may import which.
 */
import { defineConfig, type OxlintConfig } from "oxlint"

/** The rooms, and which other rooms each may import. `InvokeAi.ts` puts them together. */
const rooms: Record<string, ReadonlyArray<string>> = {
  files: [],
  catalog: [],
  workflow: ["catalog"],
  server: ["files"],
  job: ["files", "catalog", "workflow", "server"],
  assets: ["files", "catalog", "workflow", "server", "job"],
  simulator: ["catalog", "server"],
  testing: ["catalog", "workflow", "server", "job", "assets", "simulator", "InvokeAi"]
}
const others = [...Object.keys(rooms), "InvokeAi"]

interface Pattern {
  readonly regex: string
  readonly message: string
}

const paths = [
  { name: "effect", message: "Import the module itself, as in effect/Effect" },
  { name: "@effect/platform-node", message: "Import the module itself, as in @effect/platform-node/NodeRuntime" },
  { name: "@effect-invokeai/core", message: "Import the module itself, as in @effect-invokeai/core/workflow/Workflow" }
]
const everywhere: ReadonlyArray<Pattern> = [
  {
    regex: "^effect/(http|http-api|socket|stream|testing|workflow|cluster|cli)$",
    message: "Import the module itself, as in effect/http/HttpClient"
  },
  { regex: "^\\.{1,2}/.*\\.js$", message: "Relative imports end in .ts" }
]
const neutral: Pattern = {
  regex: "^node:",
  message: "core runs in browsers too: use an Effect service or packages/node"
}
const socketIo: Pattern = { regex: "^socket\\.io", message: "Only server/ speaks Socket.IO" }
const internal: Pattern = {
  regex: `^(\\.\\./)+(${Object.keys(rooms).join("|")})/internal/`,
  message: "What a room keeps in internal/ is its own"
}
const wall = (from: string): Pattern => ({
  regex: `^(\\.\\./)+(${others.filter((room) => room !== from && !rooms[from]!.includes(room)).join("|")})(/|\\.ts$)`,
  message: `${from}/ may import only: ${rooms[from]!.join(", ") || "no other room"}`
})
const imports = (...patterns: ReadonlyArray<Pattern>): NonNullable<OxlintConfig["rules"]> => ({
  "eslint/no-restricted-imports": ["error", { paths, patterns: [...everywhere, ...patterns] }]
})

export default defineConfig({
  plugins: ["typescript", "import", "oxc", "eslint", "unicorn", "node"],
  categories: { correctness: "error", suspicious: "error", perf: "error" },
  rules: {
    "typescript/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
    "typescript/no-import-type-side-effects": "error",
    "typescript/array-type": ["error", { default: "generic", readonly: "generic" }],
    "typescript/no-floating-promises": "error",
    "import/no-duplicates": "error",
    "import/no-cycle": "error",
    "eslint/require-yield": "off",
    "eslint/no-shadow": "off",
    "eslint/no-underscore-dangle": "off",
    "unicorn/consistent-function-scoping": "off",
    "typescript/consistent-return": "off"
  },
  overrides: [
    {
      files: ["packages/*/src/**"],
      rules: {
        "eslint/no-console": "error",
        "oxc/no-async-await": "error",
        "typescript/no-explicit-any": "error",
        "eslint/no-restricted-properties": [
          "error",
          { object: "Date", property: "now", message: "Use Clock or DateTime" },
          { object: "Math", property: "random", message: "Use effect/Random" },
          { object: "crypto", property: "randomUUID", message: "Use effect/Crypto" }
        ]
      }
    },
    {
      files: ["packages/core/src/**"],
      rules: {
        ...imports(neutral, socketIo),
        "eslint/no-restricted-globals": [
          "error",
          { name: "setTimeout", message: "Use Effect.sleep or a Schedule" },
          { name: "setInterval", message: "Use a Schedule" },
          { name: "fetch", message: "Use effect/http/HttpClient" },
          { name: "process", message: "Use effect/Config" }
        ]
      }
    },
    ...Object.keys(rooms).map((room) => ({
      files: [`packages/core/src/${room}/**`],
      rules: imports(neutral, internal, wall(room), ...(room === "server" ? [] : [socketIo]))
    })),
    {
      files: ["packages/core/src/InvokeAi.ts"],
      rules: imports(neutral, socketIo, {
        regex: "^\\./(simulator|testing)/",
        message: "InvokeAi.ts is the client: the simulator stays out of it"
      })
    },
    {
      files: ["packages/node/src/**"],
      rules: imports({
        regex: "^@effect-invokeai/core/(simulator|testing)/",
        message: "Only NodeSimulator serves the simulator"
      })
    },
    { files: ["packages/node/src/NodeSimulator.ts", "packages/node/src/simulator/**"], rules: imports() },
    {
      files: ["test/**", "examples/**", "scripts/**", "*.config.ts"],
      rules: {
        "eslint/no-console": "off",
        "eslint/no-restricted-imports": "off",
        "eslint/no-await-in-loop": "off",
        "typescript/no-unsafe-type-assertion": "off"
      }
    }
  ],
  ignorePatterns: ["**/dist", "**/node_modules", ".doctest", "**/temp"]
})
