#!/usr/bin/env -S node --max-semi-space-size=16
import { enableCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'

// Halves the time of a start, from the second one on; where it cannot write, Node goes on without. This file is JavaScript
// because Node would load what strips types for a first file in TypeScript: 90 ms and 10 MB. The others come from the cache.
enableCompileCache()
// More than Node's four: while those wait for the disk to keep attachments, nothing would be unpacked.
process.env.UV_THREADPOOL_SIZE ??= '16'
// Pages are garbage soon. V8 would let the heap grow to several times of what is needed before it looks.
setFlagsFromString('--heap-growing-percent=40')
await import('./program.ts')
