/** The tag of an error; of its reason, if that is an error itself. */
export const tagOf = (error: { readonly _tag: string; readonly reason?: unknown }): string => {
  const { reason } = error
  return reason instanceof Error && "_tag" in reason ? String(reason._tag) : error._tag
}
