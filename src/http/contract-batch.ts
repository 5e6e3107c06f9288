import { type Static, type TSchema, Type } from 'typebox'
import { ERROR_CODES } from '../errors.ts'
import { ExtractionStatusWord, ProgressAnswer, StatusRecord } from './contract.ts'

const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])
const time = () => orNull(Type.String({ format: 'date-time' }))
const count = (description?: string) => Type.Integer({ minimum: 0, ...(description && { description }) })

export const BatchStartAnswer = Type.Object({
  batch_id: Type.String(),
  status: ExtractionStatusWord,
  total_users: count('0 until the directory is listed'),
  message: Type.String(),
})
export type BatchStartAnswer = Static<typeof BatchStartAnswer>

export const BatchMoveAnswer = Type.Object({
  batch_id: Type.String(),
  status: ExtractionStatusWord,
  message: Type.String(),
})
export type BatchMoveAnswer = Static<typeof BatchMoveAnswer>

export const BatchStatusAnswer = Type.Object({
  batch_id: Type.String(),
  status: ExtractionStatusWord,
  total_users: count(),
  processed_users: count('Completed'),
  failed_users: count(),
  paused_users: count('Also counted in remaining_users'),
  cancelled_users: count(),
  remaining_users: count('Not ended yet'),
  created_at: Type.String({ format: 'date-time' }),
  started_at: time(),
  completed_at: time(),
  error: orNull(Type.String({ description: 'Why the users could not be listed' })),
  error_code: orNull(Type.Enum(ERROR_CODES)),
  progress: ProgressAnswer,
})
export type BatchStatusAnswer = Static<typeof BatchStatusAnswer>

export const BatchResultAnswer = Type.Object({
  batch_id: Type.String(),
  status: ExtractionStatusWord,
  started_at: time(),
  completed_at: time(),
  totals: ProgressAnswer,
  processed_users: Type.Array(Type.String()),
  failed_users: Type.Array(Type.String()),
  cancelled_users: Type.Array(Type.String()),
  errors: Type.Record(Type.String(), Type.Object({ code: Type.Enum(ERROR_CODES), error: Type.String() }), {
    description: 'Why each failed user failed',
  }),
})
export type BatchResultAnswer = Static<typeof BatchResultAnswer>

export const BatchUsersAnswer = Type.Object({
  batch_id: Type.String(),
  users: Type.Array(StatusRecord),
  next_cursor: orNull(Type.String()),
})
export type BatchUsersAnswer = Static<typeof BatchUsersAnswer>
