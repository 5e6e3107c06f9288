import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Problems } from './problems.ts'

/** The part of JSON Schema that our contract uses. */
interface Shape {
  type?: string
  properties?: Record<string, Shape>
  required?: string[]
  additionalProperties?: boolean
  items?: Shape
  enum?: readonly unknown[]
  const?: unknown
  pattern?: string
  'x-refusal'?: string
  minLength?: number
  maxLength?: number
  maxItems?: number
  minimum?: number
  maximum?: number
}

/**
 * The compiled schema gives the verdict. Only a refused value is looked at again, to say in words what is wrong:
 * the time and memory that this takes do not grow with the number of mistakes, as they do in JSON Schema validators
 * that collect every error.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema)
  const shape = schema as Shape
  return (value: unknown) => {
    const given = httpPart === 'querystring' ? convertQuery(shape, value) : value
    if (compiled.Check(given)) return { value: given }
    const problems = new Problems()
    explain(shape, given, '', problems)
    return { error: problems.toError() }
  }
}

/** A query string knows only text; what is no number or boolean stays text, for the schema to refuse. */
function convertQuery(shape: Shape, query: unknown): unknown {
  return Object.fromEntries(
    Object.entries(query as Record<string, unknown>).map(([name, value]) => {
      const type = shape.properties?.[name]?.type
      if (type === 'integer' && typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return [name, Number(value)]
      if (type === 'boolean' && (value === 'true' || value === 'false')) return [name, value === 'true']
      return [name, value]
    }),
  )
}

function explain(shape: Shape, value: unknown, path: string, problems: Problems): void {
  const refuse = (expected: string) => problems.add(() => `${path || 'The body'}: ${expected}`)

  if (shape.const !== undefined) {
    if (value !== shape.const) refuse(`must be ${JSON.stringify(shape.const)}`)
  } else if (shape.enum) {
    if (!shape.enum.includes(value)) refuse(`must be one of ${shape.enum.join(', ')}`)
  } else if (shape.type === 'object') {
    if (isObject(value)) explainObject(shape, value, path, problems)
    else refuse('must be a JSON object')
  } else if (shape.type === 'array') {
    if (Array.isArray(value)) explainArray(shape, value, path, problems)
    else refuse('must be a list')
  } else if (shape.type === 'string') {
    explainString(shape, value, path, problems)
  } else if (shape.type === 'integer') {
    const { minimum = -Infinity, maximum = Infinity } = shape
    if (!Number.isInteger(value)) refuse('must be a whole number')
    else if (Number(value) < minimum || Number(value) > maximum) refuse(`must be from ${minimum} to ${maximum}`)
  } else if (shape.type === 'boolean' && typeof value !== 'boolean') {
    refuse('must be true or false')
  }
}

function explainObject(shape: Shape, value: Record<string, unknown>, path: string, problems: Problems): void {
  const properties = shape.properties ?? {}
  const at = (name: string) => (path ? `${path}.${shorten(name)}` : shorten(name))
  for (const name of Object.keys(value)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (property) explain(property, value[name], at(name), problems)
    else if (shape.additionalProperties === false) problems.add(() => `${at(name)}: is not known here`)
  }
  for (const name of shape.required ?? []) {
    if (!Object.hasOwn(value, name)) problems.add(() => `${at(name)}: is missing`)
  }
}

function explainArray(shape: Shape, value: unknown[], path: string, problems: Problems): void {
  if (shape.maxItems !== undefined && value.length > shape.maxItems) {
    problems.add(() => `${path}: must not have more than ${shape.maxItems} entries`)
    return
  }
  const { items } = shape
  if (!items) return
  const pattern = items.pattern === undefined ? undefined : new RegExp(items.pattern, 'u')
  for (const [index, item] of value.entries()) {
    // A long list is mostly right: nothing is built for an entry that the pattern takes.
    if (pattern && typeof item === 'string' && pattern.test(item)) continue
    explain(items, item, `${path}[${index}]`, problems)
  }
}

function explainString(shape: Shape, value: unknown, path: string, problems: Problems): void {
  if (typeof value !== 'string') {
    problems.add(() => `${path}: must be text`)
  } else if (shape.pattern !== undefined && !new RegExp(shape.pattern, 'u').test(value)) {
    const refusal = shape['x-refusal'] ?? `must match ${shape.pattern}`
    // Only what may be shown has a refusal that speaks of the value itself; config values never do.
    problems.add(() => (refusal.startsWith('is ') ? `${path}: ${quote(value)} ${refusal}` : `${path}: ${refusal}`))
  } else if (value.length < (shape.minLength ?? 0)) {
    problems.add(() => `${path}: must not be empty`)
  } else if (value.length > (shape.maxLength ?? Infinity)) {
    problems.add(() => `${path}: must not be longer than ${shape.maxLength} characters`)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function quote(text: string): string {
  return JSON.stringify(shorten(text))
}
