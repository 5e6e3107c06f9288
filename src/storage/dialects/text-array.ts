import { withoutNul } from './postgres-values.ts'

/** Of `text`, in Postgres's catalog pg_type. */
const TEXT = 25

/** Dimensions, whether a value may be null, the type; then the length of the one dimension, and the number of its first value. */
const HEADER_BYTES = 20

const LENGTH_BYTES = 4
/** Stands where the length of a value would. */
const NULL_LENGTH = -1

/**
 * The values as `text[]` in Postgres's own binary form (array_recv in its arrayfuncs.c), for a parameter that is cast to
 * that. As text, each value would be escaped here, and taken apart there character by character; of pages of mail
 * that is the larger part of what the way to the server costs.
 */
export function textArray(values: readonly unknown[]): Buffer {
  const texts = values.map((value) => (value === null || value === undefined ? null : withoutNul(String(value))))
  const lengths = texts.map((text) => (text === null ? NULL_LENGTH : Buffer.byteLength(text)))
  const bytes = lengths.reduce((sum, length) => sum + LENGTH_BYTES + Math.max(0, length), HEADER_BYTES)

  const array = Buffer.allocUnsafe(bytes)
  for (const [index, number] of [1, 1, TEXT, texts.length, 1].entries()) array.writeInt32BE(number, 4 * index)
  let offset = HEADER_BYTES
  for (const [index, text] of texts.entries()) {
    const length = lengths[index] ?? NULL_LENGTH
    offset = array.writeInt32BE(length, offset)
    if (text !== null) offset += array.write(text, offset)
  }
  return array
}
