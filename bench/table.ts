/** Half of the values are below it; what one disturbed run does not move. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

export interface Figure {
  name: string
  /** One of each run; undefined where it could not be had. */
  values: readonly (number | undefined)[]
  digits: number
  /** What is aimed at, in words. */
  target?: string
}

/** Median and spread of each figure, a line each. */
export function spreadTable(figures: readonly Figure[]): string {
  const lines = figures.map(({ name, values, digits, target }) => {
    const known = values.filter((value) => value !== undefined)
    const spread = [median(known), Math.min(...known), Math.max(...known)]
    return [name, ...spread.map((value) => number(value, digits)), target ?? '']
  })
  return table(['', 'median', 'min', 'max', 'target'], lines)
}

/** Each figure of each run, a line a run. */
export function runTable(figures: readonly Figure[]): string {
  const runs = Math.max(...figures.map(({ values }) => values.length))
  const lines = Array.from({ length: runs }, (_, run) => [
    String(run + 1),
    ...figures.map(({ values, digits }) => number(values[run], digits)),
  ])
  return table(['run', ...figures.map(({ name }) => name)], lines)
}

export function number(value: number | undefined, digits: number): string {
  if (value === undefined) return 'unknown'
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** A table in Markdown that can be read as it stands: the first column to the left, the others to the right. */
export function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map((line) => line[column]?.length ?? 0), 3))
  const row = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => pad(cells[column] ?? '', width, column)).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [row(head), rule, ...lines.map(row)].join('\n')
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}
