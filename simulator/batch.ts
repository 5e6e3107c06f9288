import { type Answer, badRequest, bodyContent, isJson, JSON_TYPE } from './answer.ts'
import { base64Of, Content } from './content.ts'
import { type GraphRequest, parseGraphPath } from './graph-request.ts'

// Sizes of a batch (Microsoft Graph JSON batching; Outlook service limits for JSON batching).
const MOST_ITEMS = 20
const AT_ONCE = 4

interface BatchItem {
  id: string
  request: GraphRequest
  dependsOn: string[]
}

interface BatchResponse {
  id: string
  status: number
  headers: Record<string, string>
  /** JSON text. */
  body: Content | undefined
}

type AnswerItem = (request: GraphRequest) => Promise<Answer>

/** Answers a batch: at most four items at a time, a chain one by one. */
export async function answerBatch(body: string, answerItem: AnswerItem): Promise<Answer> {
  const items = readItems(body)
  const responses: BatchResponse[] = []
  const done = new Map<string, Promise<BatchResponse>>()
  const isChain = items.some(({ dependsOn }) => dependsOn.length > 0)
  const turn = turnstile(isChain ? 1 : AT_ONCE)

  for (const item of items) {
    const before = item.dependsOn.map((id) => done.get(id.toLowerCase()))
    const run = async (): Promise<BatchResponse> => {
      const results = await Promise.all(before)
      if (results.some((result) => !result || result.status >= 400)) return failedDependency(item)
      return turn(async () => responseOf(item, await answerItem(item.request)))
    }
    done.set(item.id.toLowerCase(), run())
  }
  // Graph promises no order. Backwards, so that nobody relies on one.
  for (const item of items.toReversed()) {
    const response = await done.get(item.id.toLowerCase())
    if (response) responses.push(response)
  }
  const parts = responses.flatMap((response, index) => (index === 0 ? textOf(response) : [',', ...textOf(response)]))
  return { status: 200, headers: { 'content-type': JSON_TYPE }, body: Content.of('{"responses":[', ...parts, ']}') }
}

function readItems(body: string): BatchItem[] {
  const requests = parse(body)
  if (!Array.isArray(requests)) throw badRequest('Invalid batch payload format.')
  if (requests.length === 0 || requests.length > MOST_ITEMS)
    throw badRequest(`Number of batch request steps exceeds the maximum value of ${MOST_ITEMS}, or there are none.`)
  const items = requests.map(readItem)
  const ids = new Set(items.map(({ id }) => id.toLowerCase()))
  if (ids.size < items.length) throw badRequest('Request ids must be unique within a batch.')
  for (const { dependsOn } of items)
    if (dependsOn.some((id) => !ids.has(id.toLowerCase())))
      throw badRequest('A request depends on one that is not in the batch.')
  return items
}

function parse(body: string): unknown {
  try {
    const envelope: unknown = JSON.parse(body)
    return typeof envelope === 'object' && envelope !== null && 'requests' in envelope ? envelope.requests : undefined
  } catch {
    throw badRequest('Invalid batch payload format.')
  }
}

function readItem(value: unknown): BatchItem {
  if (typeof value !== 'object' || value === null) throw badRequest('Invalid batch payload format.')
  const { id, method, url, headers = {}, body, dependsOn = [] } = value as Record<string, unknown>
  if (typeof id !== 'string' || id === '' || typeof method !== 'string' || typeof url !== 'string')
    throw badRequest('A batch request needs id, method and url.')
  if (/^https?:/i.test(url) || /^\/?(v1\.0|beta)\//.test(url))
    throw badRequest('The url of a batch request is relative and has no version.')
  if (url.includes('$batch')) throw badRequest('A batch cannot hold a batch.')
  const names = Object.fromEntries(
    Object.entries(headers as object).map(([name, value]) => [name.toLowerCase(), String(value)]),
  )
  if (body !== undefined && names['content-type'] === undefined)
    throw badRequest('A batch request with a body needs a Content-Type header.')
  const pathAndQuery = `/v1.0/${url.replace(/^\//, '')}`
  const request = {
    method: method.toUpperCase(),
    pathAndQuery,
    headers: names,
    body: body === undefined ? '' : JSON.stringify(body),
    ...parseGraphPath(pathAndQuery),
  }
  return { id, request, dependsOn: Array.isArray(dependsOn) ? dependsOn.map(String) : [] }
}

function responseOf({ id }: BatchItem, answer: Answer): BatchResponse {
  const { status, headers, body } = answer
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [properName(name), value]))
  if (body === undefined) return { id, status, headers: named, body: undefined }
  if (isJson(answer))
    return { id, status, headers: { ...named, 'Content-Type': 'application/json' }, body: bodyContent(answer) }
  // What is no JSON travels as base64 text.
  return { id, status, headers: named, body: Content.of('"', base64Of(bodyContent(answer)), '"') }
}

function textOf({ body, ...head }: BatchResponse): (string | Content)[] {
  const json = JSON.stringify(head)
  return body ? [`${json.slice(0, -1)},"body":`, body, '}'] : [json]
}

function properName(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (letter) => letter.toUpperCase())
}

function failedDependency({ id }: BatchItem): BatchResponse {
  const error = { code: 'FailedDependency', message: 'A request that this one depends on has failed.' }
  return {
    id,
    status: 424,
    headers: { 'Content-Type': 'application/json' },
    body: Content.of(JSON.stringify({ error })),
  }
}

function turnstile(places: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let free = places
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
