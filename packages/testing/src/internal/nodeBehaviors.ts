/** Selects the behavior of a node type. */
import type { NodeBehavior, NodeContext } from "./nodeBehavior.ts"
import * as Diffusion from "./nodes/diffusion.ts"
import * as Images from "./nodes/images.ts"
import * as Numbers from "./nodes/numbers.ts"
import * as Texts from "./nodes/texts.ts"
import * as WorkflowReturns from "./nodes/workflowReturns.ts"

const exact: ReadonlyMap<string, NodeBehavior> = new Map([
  ...Numbers.behaviors,
  ...Texts.behaviors,
  ...Images.behaviors,
  ...WorkflowReturns.behaviors
])

/** The exact behavior of a node type, or one derived from its declaration. */
export const behaviorOf = (context: NodeContext): NodeBehavior =>
  exact.get(context.node.type) ?? Diffusion.byDeclaration(context)
