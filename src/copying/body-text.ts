import { compile } from 'html-to-text'
import { Parser } from 'htmlparser2'

const formatted = compile({
  wordwrap: false,
  limits: { maxInputLength: Number.POSITIVE_INFINITY }, // its default cuts longer bodies off
  selectors: [
    { selector: 'img', format: 'skip' },
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true } },
    { selector: 'table', format: 'dataTable' },
  ],
})

/** Within a line of text; all others begin a new one. */
const INLINE =
  /^(a|abbr|b|bdi|bdo|big|cite|code|em|font|i|img|ins|kbd|label|mark|o:p|q|s|samp|small|span|strike|strong|sub|sup|td|th|tt|u|var|wbr)$/

const UNSEEN = /^(head|script|style|title)$/

/** Readable text of the HTML: links with their targets, lists, tables, quoted replies marked with `>`. */
export function bodyText(html: string): string {
  try {
    return formatted(html)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return plainText(html)
  }
}

/** Elements within elements many thousands deep are more than the formatter's stack holds: all of the text, less pretty. */
function plainText(html: string): string {
  let text = ''
  let unseen = 0
  const parser = new Parser({
    onopentagname: (name) => {
      if (UNSEEN.test(name)) unseen++
      if (!INLINE.test(name)) text += '\n'
    },
    onclosetag: (name) => {
      if (UNSEEN.test(name)) unseen--
    },
    ontext: (part) => {
      if (unseen === 0) text += part.replace(/\s+/g, ' ')
    },
  })
  parser.end(html)
  return text.replace(/ ?\n[ \n]*/g, '\n').trim()
}
