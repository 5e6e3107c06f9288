import { enableCompileCache } from 'node:module'

enableCompileCache() // see src/cli/main.js
await import('./program.ts')
