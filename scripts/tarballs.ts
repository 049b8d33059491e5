/** `pnpm tarballs <directory>`: builds the packages and packs them into a directory, as they would be published. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { pack } from "./lib/consumer.ts"

const directory = process.argv[2]

if (directory === undefined) {
  console.error("Usage: pnpm tarballs <directory>")
  process.exitCode = 1
} else {
  Fs.mkdirSync(directory, { recursive: true })
  console.log(`\n${pack(Path.resolve(directory)).join("\n")}`)
}
