import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The parts of a V8 CPU profile that are needed here. */
interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  samples: number[];
  /** µs between samples. */
  timeDeltas: number[];
}

export interface ProfileShare {
  where: string;
  /** Of the busy time, 0 … 1. */
  share: number;
}

const IDLE = new Set(['(idle)', '(root)', '(program)']);

/** Self time by package, or by file of our own, largest first. */
export function summarise(profile: CpuProfile): ProfileShare[] {
  const places = new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  profile.samples.forEach((id, index) => {
    const where = places.get(id);
    const time = profile.timeDeltas[index] ?? 0;
    if (where === undefined || IDLE.has(where)) return;
    busy += time;
    times.set(where, (times.get(where) ?? 0) + time);
  });
  return [...times].map(([where, time]) => ({ where, share: time / busy })).toSorted((a, b) => b.share - a.share);
}

function placeOf({ functionName, url }: { functionName: string; url: string }): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(V8 and native code)';
  const library = url.lastIndexOf('/node_modules/');
  if (library >= 0) {
    const [scope = '', name = ''] = url.slice(library + '/node_modules/'.length).split('/');
    return scope.startsWith('@') ? `${scope}/${name}` : scope;
  }
  const own = /\/((?:packages|services)\/.*)$/.exec(url);
  return own?.[1] ?? url;
}

/** The profile that a process wrote into `directory` when it ended. */
export async function readProfile(directory: string): Promise<CpuProfile> {
  const [file] = (await readdir(directory)).filter((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`no profile in ${directory}`);
  return JSON.parse(await readFile(join(directory, file), 'utf8')) as CpuProfile;
}
