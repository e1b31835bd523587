import { expect, test } from 'vitest';
import { createOpener, createSealer, generateSealingKeys, sealedTo } from '../../src/secrets/index.ts';

const jwks = (...sets: string[]) =>
  JSON.stringify({ keys: sets.flatMap((set) => (JSON.parse(set) as { keys: object[] }).keys) });

test('a key is replaced without a moment in which anything cannot be opened', async () => {
  const [former, next] = [await generateSealingKeys('2026'), await generateSealingKeys('2027')];
  const old = await (await createSealer(former.publicJwks)).seal('gw', 'password', 'old secret');

  // First whoever opens gets both keys, then whoever seals gets the new one, in front.
  const opener = await createOpener(jwks(former.privateJwks, next.privateJwks));
  expect(await opener.open('gw', 'password', old)).toBe('old secret');
  const sealer = await createSealer(jwks(next.publicJwks, former.publicJwks));
  const fresh = await sealer.seal('gw', 'password', 'new secret');
  expect([sealedTo(old), sealedTo(fresh), sealedTo('?')]).toEqual(['2026', '2027', undefined]);
  expect(await opener.open('gw', 'password', fresh)).toBe('new secret');

  // What is saved again needs the former key no more; what is not, does.
  const afterwards = await createOpener(next.privateJwks);
  expect(await afterwards.open('gw', 'password', fresh)).toBe('new secret');
  await expect(afterwards.open('gw', 'password', old)).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
});

test('a secret opens for its gateway and its field alone', async () => {
  const { publicJwks, privateJwks } = await generateSealingKeys('k');
  const sealed = await (await createSealer(publicJwks)).seal('gw', 'password', 'secret');
  const opener = await createOpener(privateJwks);
  await expect(opener.open('other', 'password', sealed)).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
  await expect(opener.open('gw', 'tls.clientKey', sealed)).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
});

test.each(['', '{"keys":[]}', '{"keys":[{"kty":"EC"}]}', '[]'])('is no key set to seal with: %j', async (text) => {
  await expect(createSealer(text)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
