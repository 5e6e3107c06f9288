// Graph's windows last ten minutes at most (Outlook service limits); a wait beyond hours is a broken header,
// and obeying it would stop a mailbox without a word.
const LONGEST_BELIEVED_MS = 2 * 3_600_000

/**
 * The wait that a Retry-After header asks for: seconds (whole or with a fraction) or an HTTP date, which is
 * measured from `sentAtMs`, the server's own clock where it told it. Undefined where the header is absent or absurd;
 * zero counts as absent too, since Graph's guidance forbids to retry at once.
 */
export function parseRetryAfter(value: string | undefined, sentAtMs: number): number | undefined {
  if (value === undefined || value.trim() === '') return undefined
  const seconds = Number(value)
  const ms = Number.isNaN(seconds) ? Date.parse(value) - sentAtMs : seconds * 1000
  return ms > 0 && ms <= LONGEST_BELIEVED_MS ? Math.ceil(ms) : undefined
}
