/** The style sheet and the program of a report. It needs neither a network nor, except for the search, the program. */

export const styles = `
:root { color-scheme: light dark; --back: #fff; --card: #f3f4f6; --text: #16181d; --soft: #4b5160; --line: #c9cdd6;
  --link: #0b4fb3; --bad: #a3150f; --good: #14602a; --focus: #0b4fb3 }
@media (prefers-color-scheme: dark) {
  :root { --back: #14161a; --card: #1f2329; --text: #f0f1f3; --soft: #b3b9c4; --line: #434a55; --link: #8ab8ff;
    --bad: #ff9c94; --good: #84d59a; --focus: #8ab8ff }
}
* { box-sizing: border-box }
body { margin: 0; padding: 1.5rem; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
a { color: var(--link) }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }
.skip { position: absolute; left: -100rem }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--card); z-index: 1 }
h1 { margin: 0 0 .25rem; font-size: 1.6rem; overflow-wrap: anywhere }
h2 { margin: 2rem 0 .75rem; font-size: 1.2rem }
.soft { color: var(--soft) }
.bad { color: var(--bad) }
.good { color: var(--good) }
.scroll { overflow-x: auto }
table { border-collapse: collapse }
th, td { padding: .35rem .7rem; border: 1px solid var(--line); text-align: left; vertical-align: top;
  overflow-wrap: anywhere }
td.number { text-align: right; font-variant-numeric: tabular-nums }
thead th { background: var(--card) }
pre { margin: 0; white-space: pre-wrap; font: 13px/1.45 ui-monospace, monospace }
form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; margin: 0 0 1rem }
label { display: grid; gap: .15rem; font-weight: 600 }
input, select { font: inherit; padding: .35rem .5rem; border: 1px solid var(--soft); border-radius: 4px;
  background: var(--back); color: var(--text); min-width: 14rem }
.sheet { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)) }
.sheet > li { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .75rem;
  content-visibility: auto; contain-intrinsic-size: auto 22rem }
.images { display: flex; flex-wrap: wrap; gap: .4rem; margin-bottom: .5rem }
img { max-width: 100%; height: auto; display: block; border-radius: 3px; background: var(--line) }
.grid img { max-width: 10rem }
h3 { margin: 0 0 .35rem; font-size: 1rem; overflow-wrap: anywhere }
dl { margin: 0; display: grid; grid-template-columns: auto 1fr; gap: .1rem .6rem; font-size: 13px }
dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere; max-height: 8em; overflow-y: auto }
[hidden] { display: none !important }
@media print { form, .skip { display: none } .sheet > li { break-inside: avoid; content-visibility: visible } }
`

/** Copies the thumbnails of the grid from the sheet, so that the file has each once, and searches. */
export const program = `
const all = [...document.querySelectorAll("[data-item]")]
for (const image of document.querySelectorAll("img[data-of]")) {
  image.src = document.getElementById(image.dataset.of)?.src ?? ""
}
const form = document.querySelector("form")
if (form !== null) {
  form.hidden = false
  const search = form.elements.namedItem("search")
  const status = form.elements.namedItem("status")
  const shown = document.getElementById("shown")
  const texts = all.map((element) => element.textContent.toLowerCase())
  const apply = () => {
    const words = search.value.toLowerCase().split(/\\s+/).filter((word) => word !== "")
    let count = 0
    all.forEach((element, index) => {
      const fits = (status.value === "" || element.dataset.status === status.value) &&
        words.every((word) => texts[index].includes(word))
      element.hidden = !fits
      if (fits) count++
    })
    shown.textContent = count === all.length ? "All " + count + " items are shown."
      : count === 1 ? "1 item of " + all.length + " is shown." : count + " items of " + all.length + " are shown."
  }
  form.addEventListener("input", apply)
  form.addEventListener("submit", (event) => event.preventDefault())
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return
    search.value = ""
    apply()
  })
  apply()
}
`
