import { describe, expect, it } from 'vitest';
import { createHarness } from '../../harness.ts';

interface Operation {
  operationId?: string;
  summary?: string;
  tags?: string[];
  description?: string;
  responses: Record<string, unknown>;
  requestBody?: { content: Record<string, { schema: { properties?: Record<string, { writeOnly?: boolean }> } }> };
}

async function openApi(): Promise<{ openapi: string; paths: Record<string, Record<string, Operation>> }> {
  const { request } = await createHarness();
  return (await request('GET', '/openapi.json', { key: null })).body;
}

describe('/openapi.json', () => {
  it('is OpenAPI 3.1, with every operation named, summarised and tagged', async () => {
    const { openapi, paths } = await openApi();
    expect(openapi).toBe('3.1.0');
    const operations = Object.values(paths).flatMap((path) => Object.values(path));
    expect(operations.length).toBeGreaterThan(30);
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(operations.length);
    for (const operation of operations) {
      expect(operation).toMatchObject({
        operationId: expect.any(String),
        summary: expect.any(String),
        tags: [expect.any(String)],
      });
      expect(operation.description).toMatch(/Access: `(admin|authenticated|workspace:read|workspace:write)`/);
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['4XX', '5XX']));
    }
  });

  it('says that secrets are write-only, and what leaving them out does', async () => {
    const { paths } = await openApi();
    const mqtt = paths['/v1/workspaces/{ws}/gateways/{gw}/integrations/mqtt']!;
    const { password } = mqtt.put!.requestBody!.content['application/json']!.schema.properties!;
    expect(password).toMatchObject({ writeOnly: true, description: expect.stringContaining('Absent') });
    expect(Object.keys(mqtt.patch!.requestBody!.content)).toEqual(['application/merge-patch+json', 'application/json']);
  });
});

describe('/docs', () => {
  it('is a page that needs no other network', async () => {
    const { request } = await createHarness();
    const page = await request('GET', '/docs', { key: null });
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
    const initializer = await request('GET', '/docs/static/swagger-initializer.js', { key: null });
    expect(initializer.text).not.toMatch(/https?:\/\/(?!stackoverflow)/);
    expect(initializer.headers['content-security-policy']).toContain("default-src 'self'");
  });
});
