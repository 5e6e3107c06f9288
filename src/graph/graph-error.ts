/** What the error envelope of Graph says. */
export interface GraphError {
  /** From the innermost, which is the most specific, to the outermost; lower case, for Graph varies it. */
  codes: string[]
  /** The outermost code as it came, for logs. */
  code: string
  message: string
}

// Deeper nesting than a handful has not been seen; the bound keeps a hostile body from costing anything.
const MAX_DEPTH = 10

/** Reads `{"error": {"code", "message", "innerError" | "innererror": {…}}}`; undefined when the body is no such thing. */
export function parseGraphError(body: string): GraphError | undefined {
  const outer = field(parseJson(body), 'error')
  if (!isRecord(outer) || typeof outer.code !== 'string') return undefined

  const codes: string[] = []
  let level: unknown = outer
  for (let depth = 0; depth < MAX_DEPTH && isRecord(level); depth++) {
    if (typeof level.code === 'string' && level.code !== '') codes.unshift(level.code.toLowerCase())
    level = level.innerError ?? level.innererror
  }
  return { codes, code: outer.code, message: typeof outer.message === 'string' ? outer.message : '' }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function field(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined
}
