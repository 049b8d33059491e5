/** The same without Effect. */
import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-runtime-"))
const client = await InvokeAi.connect()
try {
  const workflow = await client.workflow(`${process.env["EXAMPLES"]}/soft-thumbnail.json`)
  const photo = await client.uploadFile(`${process.env["EXAMPLES"]}/mountain.png`)
  const job = await client.submit(workflow.set({ photo, width: 320 }))
  const { files } = await client.download(await job.outputs(), { directory })
  if (files.length !== 1 || Fs.statSync(files[0]!.path).size < 1_000) throw new Error("no image was downloaded")
} finally {
  await client.close()
  Fs.rmSync(directory, { recursive: true })
}
