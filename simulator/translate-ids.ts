import { type Answer, badRequest, json } from './answer.ts'
import type { MailContext } from './graph-request.ts'

// Microsoft Graph, user: translateExchangeIds.
const MOST_IDS = 1000

/** Between the two kinds of ids that the REST paths use; the others belong to protocols that are not simulated. */
export function translateIds({ request, mailbox, base }: MailContext): Answer {
  const { inputIds, sourceIdType, targetIdType } = read(request.body)
  const known = ['restId', 'restImmutableEntryId']
  if (!known.includes(sourceIdType) || !known.includes(targetIdType)) throw badRequest('The id type is not supported.')
  if (inputIds.length > MOST_IDS) throw badRequest(`At most ${MOST_IDS} ids can be translated at once.`)
  const value = inputIds.map((sourceId) => {
    const message = mailbox.findMessage(sourceId)
    if (!message)
      return {
        sourceId,
        errorDetails: { code: 'ErrorItemNotFound', message: 'The specified object was not found in the store.' },
      }
    return {
      sourceId,
      targetId: mailbox.ids.message(message.key, message.moves, targetIdType === 'restImmutableEntryId'),
    }
  })
  return json({ '@odata.context': `${base}/$metadata#Collection(microsoft.graph.convertIdResult)`, value })
}

function read(body: string): { inputIds: string[]; sourceIdType: string; targetIdType: string } {
  try {
    const { inputIds, sourceIdType, targetIdType } = JSON.parse(body) as Record<string, unknown>
    if (Array.isArray(inputIds))
      return { inputIds: inputIds.map(String), sourceIdType: String(sourceIdType), targetIdType: String(targetIdType) }
  } catch {
    // Refused below, like a body of the wrong shape.
  }
  throw badRequest('Invalid request body.')
}
