/** Which fields hold a seed, and which nodes draw random numbers. */

/** Whether a field's name is that of a seed: `seed`, `noise_seed`, or the `seed` of a called workflow. */
export const isSeedName = (fieldName: string): boolean => /(?:^|[_:])seed$/.test(fieldName)

/**
 * InvokeAI's nodes that draw a number between `low` and `high` without a seed, with the distance from `low` to the
 * `high` that leaves only `low`: integers exclude `high`.
 */
export const randomNumberNodes: ReadonlyMap<string, { readonly type: string; readonly span: number }> = new Map([
  ["rand_int", { type: "IntegerField", span: 1 }],
  ["rand_float", { type: "FloatField", span: 0 }]
])
