/** `image1` is shown as "Image 1", `cfg_scale` as "Cfg Scale". */
export const titleOf = (name: string): string =>
  (name.match(/\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})|\p{N}+|[\p{Lo}\p{Lm}]+/gu) ?? [])
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ")
