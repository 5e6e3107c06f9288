type Expected = 'value' | 'first value' | 'name' | 'first name' | 'colon' | 'comma' | 'end'

const MAX_LENGTH = 4 * 1024 * 1024
const SPACE = /[\t\n\r ]*/y
const MARK = /[{}[\]:,]/y
// In text, everything but the quote, the escape and the 32 control characters stands for itself.
const PLAIN = '[^"\\\\\\u0000-\\u001f]*'
const TEXT = new RegExp(`"${PLAIN}(?:\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4})${PLAIN})*"`, 'y')
const WORD = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y

/** Says where a text stops being JSON, without repeating any of it. */
export function locateJsonError(text: string): string {
  if (text.length > MAX_LENGTH) return 'it is malformed'
  const at = findError(text)
  if (at >= text.length) return 'it ends too early'
  const before = text.slice(0, at)
  const line = before.split('\n').length
  return `malformed at line ${line}, column ${at - before.lastIndexOf('\n')}`
}

function findError(text: string): number {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let at = 0
  const take = (token: RegExp) => {
    token.lastIndex = at
    const [found] = token.exec(text) ?? []
    if (found !== undefined) at += found.length
    return found
  }
  const closed = (): Expected => (open.length > 0 ? 'comma' : 'end')

  for (;;) {
    take(SPACE)
    const start = at
    if (start >= text.length) return start
    const mark = take(MARK)
    const next = mark === undefined ? afterValue() : afterMark(mark)
    if (next === undefined) return start
    expected = next
  }

  function afterValue(): Expected | undefined {
    const isText = take(TEXT) !== undefined
    if (expected === 'name' || expected === 'first name') return isText ? 'colon' : undefined
    if (expected !== 'value' && expected !== 'first value') return undefined
    return isText || take(WORD) !== undefined ? closed() : undefined
  }

  function afterMark(mark: string): Expected | undefined {
    const inObject = open.at(-1) === '{'
    if (mark === '{' || mark === '[') {
      if (expected !== 'value' && expected !== 'first value') return undefined
      open.push(mark)
      return mark === '{' ? 'first name' : 'first value'
    }
    if (mark === ':') return expected === 'colon' ? 'value' : undefined
    if (mark === ',') return expected === 'comma' ? (inObject ? 'name' : 'value') : undefined
    const mayClose = expected === 'comma' || expected === (inObject ? 'first name' : 'first value')
    if (!mayClose || (mark === '}') !== inObject || open.length === 0) return undefined
    open.pop()
    return closed()
  }
}
