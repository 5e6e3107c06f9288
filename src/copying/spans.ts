import { secondsOf, timeOf } from './received-range.ts'

/** A stretch of received times, in whole seconds, ISO 8601, UTC. */
export interface Span {
  /** At or after; null where it has no beginning. */
  from: string | null
  /** Before; null where it has no end. */
  before: string | null
}

/** Which mail is meant, by the time at which it was received: in order, and with something between each two. */
export type Spans = readonly Span[]

export const EVERYTHING: Spans = [{ from: null, before: null }]

/** Also mail without a time. */
export function isEverything(spans: Spans): boolean {
  return spans.some(({ from, before }) => from === null && before === null)
}

/** Mail without a time belongs to everything, and to nothing less. */
export function includes(spans: Spans, time: string | null): boolean {
  if (isEverything(spans)) return true
  if (time === null) return false
  const second = secondsOf(time)
  return spans.map(toEdges).some(({ low, high }) => second >= low && second < high)
}

export function unionOf(one: Spans, other: Spans): Spans {
  const union: Edges[] = []
  for (const edges of [...one, ...other].map(toEdges).sort((left, right) => left.low - right.low)) {
    const last = union.at(-1)
    if (last && edges.low <= last.high) last.high = Math.max(last.high, edges.high)
    else union.push(edges)
  }
  return union.map(toSpan)
}

/** What is in `one` and not in `other`. */
export function differenceOf(one: Spans, other: Spans): Spans {
  let left = one.map(toEdges)
  for (const { low, high } of other.map(toEdges)) {
    left = left.flatMap((edges) => [
      ...notEmpty({ low: edges.low, high: Math.min(edges.high, low) }),
      ...notEmpty({ low: Math.max(edges.low, high), high: edges.high }),
    ])
  }
  return left.map(toSpan)
}

/** What of the spans lies within these seconds: at or after the first, before the second. */
export function edgesWithin(spans: Spans, from: number, before: number): Edges[] {
  return spans
    .map(toEdges)
    .flatMap(({ low, high }) => notEmpty({ low: Math.max(low, from), high: Math.min(high, before) }))
}

/** In seconds; infinite where a span has no end. */
export interface Edges {
  low: number
  high: number
}

function notEmpty(edges: Edges): Edges[] {
  return edges.low < edges.high ? [edges] : []
}

function toEdges({ from, before }: Span): Edges {
  return {
    low: from === null ? Number.NEGATIVE_INFINITY : secondsOf(from),
    high: before === null ? Number.POSITIVE_INFINITY : secondsOf(before),
  }
}

function toSpan({ low, high }: Edges): Span {
  return {
    from: low === Number.NEGATIVE_INFINITY ? null : timeOf(low),
    before: high === Number.POSITIVE_INFINITY ? null : timeOf(high),
  }
}
