import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { bodyTooLarge, malformedGzip, malformedJson } from './problems.ts';

const gunzipAsync = promisify(gunzip);

export type ContentEncoding = 'identity' | 'gzip';

/** Undefined: none that is understood here. */
export function contentEncodingOf(header: string | undefined): ContentEncoding | undefined {
  switch (header?.toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip': // RFC 9110, section 8.4.1.3: equivalent
      return 'gzip';
    default:
      return undefined;
  }
}

/**
 * Undoes the content encoding. Inflating ends at `maxBytes`: what a small body would grow into is never in memory.
 * @throws {HttpProblem} 400, 413
 */
export async function inflate(raw: Buffer, encoding: ContentEncoding | undefined, maxBytes: number): Promise<Buffer> {
  if (encoding !== 'gzip') return raw;
  try {
    return await gunzipAsync(raw, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw bodyTooLarge();
    throw malformedGzip(error);
  }
}

/**
 * Of a key that stands twice in an object the last one counts, here and for whoever parses the same bytes later.
 * @throws {HttpProblem} 400
 */
export function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw malformedJson();
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw malformedJson(error);
  }
}
