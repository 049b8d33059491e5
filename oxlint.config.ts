/**
 * The lint rules. Among them are the import rules of `packages/core/src`: data flows one way through its subsystems, and no
 * import points backwards.
 */
import { defineConfig, type OxlintConfig } from "oxlint"

/** The subsystems of core in the order of the data flow, and which others each may import. `InvokeAi.ts` composes them. */
const subsystems: Record<string, ReadonlyArray<string>> = {
  definition: [],
  catalog: [],
  field: ["catalog"],
  workflow: ["definition", "catalog", "field"],
  batch: ["definition", "catalog", "field", "workflow"],
  files: [],
  server: ["files"],
  job: ["definition", "catalog", "field", "workflow", "batch", "files", "server"],
  assets: ["definition", "catalog", "field", "workflow", "batch", "files", "server", "job"],
  run: ["definition", "catalog", "field", "workflow", "batch", "files", "server", "job", "assets"]
}
const others = [...Object.keys(subsystems), "InvokeAi"]

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
    regex: "^effect/(http|http-api|socket|stream|testing|workflow|cluster|cli|sql|persistence|encoding)$",
    message: "Import the module itself, as in effect/http/HttpClient"
  },
  { regex: "^\\.{1,2}/.*\\.js$", message: "Relative imports end in .ts" }
]
const neutral: Pattern = {
  regex: "^node:",
  message: "core runs in browsers too: use an Effect service or packages/node"
}
const socketIo: Pattern = { regex: "^socket\\.io", message: "Only server/ speaks Socket.IO" }
const importRule = (from: string): Pattern => ({
  regex: `^(\\.\\./)+(${
    others.filter((name) => name !== from && !subsystems[from]!.includes(name)).join("|")
  })(/|\\.ts$)`,
  message: `${from}/ may import only: ${subsystems[from]!.join(", ") || "no other subsystem"}`
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
    "import/no-cycle": ["error", { ignoreTypes: false }],
    "eslint/require-yield": "off",
    "eslint/no-shadow": "off",
    "eslint/no-underscore-dangle": "off",
    "unicorn/consistent-function-scoping": "off",
    "typescript/consistent-return": "off",
    // the classes of schemas and outputs are the types of plain objects
    "typescript/no-misused-spread": "off"
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
    ...Object.keys(subsystems).map((name) => ({
      files: [`packages/core/src/${name}/**`],
      rules: imports(neutral, importRule(name), ...(name === "server" ? [] : [socketIo]))
    })),
    {
      files: ["packages/core/src/{InvokeAi,index}.ts"],
      rules: imports(neutral, socketIo)
    },
    {
      files: ["packages/{node,farm}/src/**"],
      rules: imports({ regex: "^@effect-invokeai/testing", message: "The simulator is for tests" })
    },
    {
      // what every call of the command loads, help included
      files: [
        "packages/cli/src/{bin,CommandResult}.ts",
        "packages/cli/src/internal/{args,columns,commands,failure,main,Output,servers}.ts"
      ],
      rules: imports({
        regex: "^@effect-invokeai/",
        message: "Only what a subcommand loads when it runs imports the library"
      })
    },
    { files: ["packages/testing/src/**"], rules: imports() },
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
