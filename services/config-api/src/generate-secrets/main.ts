import { parseArgs } from 'node:util';
import { generateSecrets } from './generate-secrets.ts';

/*
 * `node …/generate-secrets/main.js FOLDER [--owner UID:GID] [--give PATH]…`: makes the secrets of an installation, a folder
 * for each reader. What is there stays. The files, and each PATH to give, then belong to the owner.
 */

const { values, positionals } = parseArgs({
  options: { owner: { type: 'string' }, give: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) throw new TypeError('generate-secrets: which folder?');
const made = await generateSecrets(folder, { owner: ownerOf(values.owner), give: values.give });
process.stdout.write(`${JSON.stringify({ level: 'info', service: 'generate-secrets', made, message: 'ready' })}\n`);

function ownerOf(text: string | undefined): { uid: number; gid: number } | undefined {
  if (text === undefined) return undefined;
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (uid === undefined) throw new TypeError(`generate-secrets: --owner is UID:GID in numbers, not ${text}`);
  return { uid: Number(uid), gid: Number(gid) };
}
