/**
 * How far the walk through a folder got. Links are Graph's own and opaque.
 * `end` carries the delta link with which the next run asks for what has changed since.
 */
export type Checkpoint = { at: 'start' } | { at: 'page'; link: string } | { at: 'end'; link: string }

export const START: Checkpoint = { at: 'start' }
