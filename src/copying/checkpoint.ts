/**
 * How far the walk through a folder got. Links are Graph's own and opaque.
 * `end` carries the delta link with which the next run asks for what has changed since.
 */
export type Checkpoint = { at: 'start' } | { at: 'page'; link: string } | { at: 'end'; link: string }

/**
 * How a folder is walked. Normally by change tracking, with whole messages on the pages. Where a message breaks
 * every page it is on, pages carry ids only and messages are read one by one. Where there is no change tracking
 * (some clouds, mailboxes over their quota), the folder is listed.
 */
export interface Way {
  source: 'delta' | 'list'
  content: 'whole' | 'ids'
}

export const USUAL_WAY: Way = { source: 'delta', content: 'whole' }

export const START: Checkpoint = { at: 'start' }
