/** The same with a module that the packed command generated, without Effect. */
import type * as Thumbnail from "../cli/generated/promise/soft-thumbnail.ts"

const module = new URL("typed-promises/soft-thumbnail.ts", import.meta.url).href
const SoftThumbnail: typeof Thumbnail = await import(module)
const { outputs } = await SoftThumbnail.run({ photo: `${process.env["EXAMPLES"]}/mountain.png`, width: 320 })
if (outputs.image?.width !== 320) throw new Error("the image has another size")
