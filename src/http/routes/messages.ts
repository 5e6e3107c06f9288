import { Type } from 'typebox'
import type { AttachmentId } from '../../copying/attachment.ts'
import type { MessageId } from '../../copying/message.ts'
import { AppError } from '../../errors.ts'
import type { ApiDeps, ApiServer } from '../api-server.ts'
import { notStored, sendContent } from '../content-download.ts'
import { Email } from '../contract-email.ts'
import { presentEmail } from '../present.ts'
import { answer, failures } from './failures.ts'

const tags = ['Messages']

/** Graph's ids run to some hundred characters. */
const graphId = () => Type.String({ minLength: 1, maxLength: 2_048 })
const MessageParams = Type.Object({ message_id: graphId() })
const AttachmentParams = Type.Object({ message_id: graphId(), attachment_id: graphId() })

/** Single messages, and the bytes that belong to them. */
export function messageRoutes(server: ApiServer, { emails, blobs }: ApiDeps): void {
  server.get(
    '/messages/:message_id',
    {
      schema: {
        tags,
        operationId: 'message',
        summary: 'One stored message',
        params: MessageParams,
        response: { 200: answer(Email, 'The message'), ...failures('message_not_found') },
      },
    },
    async ({ params }) => {
      const email = await emails.findEmail(params.message_id as MessageId)
      if (!email) throw messageNotFound()
      return presentEmail(email)
    },
  )

  const download = {
    tags,
    produces: ['application/octet-stream'],
    response: {
      200: answer(Type.String({ format: 'binary' }), 'The bytes, to be saved'),
      206: answer(Type.String({ format: 'binary' }), 'The range of them that was asked for'),
      ...failures(
        'message_not_found',
        'content_not_stored',
        'content_lost',
        'range_not_satisfiable',
        'blob_store_unavailable',
      ),
    },
  }

  server.get(
    '/messages/:message_id/attachments/:attachment_id',
    {
      exposeHeadRoute: true,
      schema: {
        ...download,
        operationId: 'attachmentContent',
        summary: 'The content of an attachment: bytes, or the MIME of an attached item; single ranges are served',
        params: AttachmentParams,
      },
    },
    async (request, reply) => {
      const { message_id, attachment_id } = request.params
      const content = await emails.findAttachment(message_id as MessageId, attachment_id as AttachmentId)
      if (!content) throw messageNotFound()
      return sendContent(content, request, reply, { blobs, emails })
    },
  )

  server.get(
    '/messages/:message_id/mime',
    {
      exposeHeadRoute: true,
      schema: {
        ...download,
        operationId: 'messageMime',
        summary: 'The message as RFC 822 text, where the option `mime` asked for it',
        params: MessageParams,
      },
    },
    async (request, reply) => {
      const content = await emails.findMime(request.params.message_id as MessageId)
      if (!content) throw notStored()
      return sendContent(content, request, reply, { blobs, emails })
    },
  )
}

function messageNotFound(): AppError {
  return new AppError('message_not_found', 'There is no stored message, or no attachment of it, with this id')
}
