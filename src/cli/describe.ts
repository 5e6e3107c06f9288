import type { ProgressAnswer, StatusRecord } from '../http/contract.ts'
import type { BatchStatusAnswer } from '../http/contract-batch.ts'

const number = new Intl.NumberFormat('en-US')

export function describeRecord(record: StatusRecord): string {
  const lines = [
    `${record.connection_id}: ${record.status.replace('_', ' ')}`,
    `  mailbox    ${record.user_upn}`,
    ...describeProgress(record.progress),
  ]
  if (record.waiting_for) lines.push(`  waits      ${record.waiting_for}`)
  if (record.error) lines.push(`  error      ${record.error} (${record.error_code})`)
  return lines.join('\n')
}

export function describeBatch(batch: BatchStatusAnswer): string {
  const { processed_users, failed_users, paused_users, cancelled_users, remaining_users, total_users } = batch
  const counts = [
    `${number.format(processed_users)} of ${number.format(total_users)} done`,
    `${number.format(remaining_users)} to go`,
    failed_users > 0 && `${number.format(failed_users)} failed`,
    paused_users > 0 && `${number.format(paused_users)} paused`,
    cancelled_users > 0 && `${number.format(cancelled_users)} cancelled`,
  ].filter(Boolean)
  const lines = [
    `${batch.batch_id}: ${batch.status.replace('_', ' ')}`,
    `  mailboxes  ${counts.join(', ')}`,
    ...describeProgress(batch.progress),
  ]
  if (batch.error) lines.push(`  error      ${batch.error}`)
  return lines.join('\n')
}

/** How much was done, in one line. */
export function describeMessages(progress: ProgressAnswer): string {
  return [
    `${number.format(progress.messages_stored)} stored`,
    progress.messages_unchanged > 0 && `${number.format(progress.messages_unchanged)} unchanged`,
    progress.messages_removed > 0 && `${number.format(progress.messages_removed)} removed`,
    progress.messages_skipped > 0 && `${number.format(progress.messages_skipped)} skipped`,
  ]
    .filter(Boolean)
    .join(', ')
}

function describeProgress(progress: ProgressAnswer): string[] {
  const { folders_done, folders_total, messages_total, requests, retries, throttled_seconds, eta_seconds } = progress
  const requestWords = [
    number.format(requests),
    retries > 0 && `${number.format(retries)} repeated`,
    throttled_seconds > 0 && `${Math.round(throttled_seconds)} s waited for Graph`,
  ].filter(Boolean)
  return [
    `  progress   ${Math.floor(progress.percent)} %${eta_seconds === null ? '' : `, about ${describeSeconds(eta_seconds)} left`}`,
    `  folders    ${folders_done} of ${folders_total}`,
    `  messages   ${describeMessages(progress)}; Graph counts ${number.format(messages_total)}`,
    `  rate       ${number.format(Math.round(progress.messages_per_second))} messages a second`,
    `  requests   ${requestWords.join(', ')}`,
  ]
}

export function describeSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}
