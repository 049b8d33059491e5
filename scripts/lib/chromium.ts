/** Where Chromium is. */
import * as Fs from "node:fs"
import * as Path from "node:path"

/** The names under which Debian and others have it; `CHROMIUM` names another. */
export const chromium: string | undefined = [
  process.env["CHROMIUM"],
  ...["chromium", "chromium-browser", "google-chrome"].flatMap((name) =>
    (process.env["PATH"] ?? "").split(Path.delimiter).map((folder) => Path.join(folder, name))
  )
].find((file) => file !== undefined && Fs.existsSync(file))
