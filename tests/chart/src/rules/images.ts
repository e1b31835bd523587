import type { Container } from '../kubernetes.ts';
import { containersOf } from '../release.ts';
import type { Rule } from '../rule.ts';

/** A name with a tag or digest that stays what it was, and a pull policy that somebody has decided on. */
export const images: Rule = ({ pods }) =>
  pods.flatMap((pod) =>
    containersOf(pod).flatMap((container) =>
      problemsOf(container).map((problem) => `${pod.id}: container ${container.name}: ${problem}`),
    ),
  );

function problemsOf({ image = '', imagePullPolicy }: Container): string[] {
  const problems: string[] = [];
  if (!/^[a-z0-9][a-z0-9._/:-]*?(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})$/.test(image)) {
    problems.push(`image ${image || '(none)'} has no tag and no digest, or is no name of an image`);
  }
  if (image.endsWith(':latest')) problems.push(`image ${image} is another one tomorrow`);
  if (!['IfNotPresent', 'Always', 'Never'].includes(imagePullPolicy ?? '')) problems.push('has no imagePullPolicy');
  return problems;
}
