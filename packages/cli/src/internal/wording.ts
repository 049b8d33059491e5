/** The wording of the command: flags and subcommands in place of the functions that the library's messages name. */

/** What a program does, as the library says it, and what the user of the command does. */
const wordings: ReadonlyArray<readonly [library: RegExp, command: string]> = [
  [
    /call Job\.attach\("([^"]*)"\) before you submit it again/,
    "run `effect-invokeai attach $1` before you run it again"
  ],
  [
    /Close the job's scope or call Job\.unblockQueue\("([^"]*)"\) to remove/,
    "Run `effect-invokeai cancel $1` to remove"
  ],
  [/call Job\.unblockQueue\("([^"]*)"\)/, "run `effect-invokeai cancel $1`"],
  [/ \(job\.await\)/, ""],
  [/Create it with Boards\.findOrCreate\((.*?)\)$/m, "Create it in InvokeAI"],
  [/see Boards\.list/, "which `effect-invokeai boards` lists"],
  [/list the ids with WorkflowLibrary\.list/, "`effect-invokeai library list` lists the ids"],
  [/Workflow\.fields lists all fields/, "`effect-invokeai inputs <workflow> --all` lists all fields"],
  [/Workflow\.setField\("([^"]*)", …\)/g, "--set $1=…"],
  [/set the field "?([^" ]*)"? \(Workflow\.setField\)/g, "use --set $1=…"],
  [/set the field with Workflow\.setField/, "set a field with --set node.field=value"],
  [/, or upload it with Assets\.uploadFile/g, ""],
  [/upload (?:it|its content)(?: first)? with (?:Assets|Videos)\.\w+/g, "add it in InvokeAI, and pass its name there"],
  [/with farm\.forget\("([^"]*)"\)/, "with `effect-invokeai farm forget $1`"],
  [/Add one with farm\.addServer\./, "Name one with --server, or add it with `effect-invokeai farm add <url>`."],
  [/Invalid option "template"/, "--name"],
  [/ \(or use Rows\.fromCsv with the delimiter\)/, ""],
  [/or use FarmStore\.postgres for several/, "or keep the farm in Postgres for several"],
  [/: use Workflow\.fromPng/, ", and no image that InvokeAI made"]
]

/** A message of the library as the command says it. */
export const ofCommand = (message: string): string =>
  wordings.reduce((text, [library, command]) => text.replace(library, command), message)
