import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { BlobStore } from '../copying/blob-store.ts'
import type { ReportReader } from '../copying/report.ts'
import type { EmailReader } from '../copying/stored-email.ts'
import type { ExtractionCommands } from '../extractions/extraction-commands.ts'
import type { ExtractionStore } from '../extractions/extraction-store.ts'
import type { MissingCredentials } from './credentials.ts'

/** Fastify whose handlers are typed by the schemas of their routes. */
export type ApiServer = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** All that the routes need of the rest of the service. */
export interface ApiDeps {
  commands: ExtractionCommands
  extractions: ExtractionStore
  emails: EmailReader
  blobs: BlobStore
  /** False when nothing is stored of it. */
  eraseMailbox(userUpn: string): Promise<boolean>
  reports: ReportReader
  missingCredentials: MissingCredentials
  /** Resolves when the service can take work, else throws the AppError that says why not. */
  checkReady(): Promise<void>
  version: string
}
