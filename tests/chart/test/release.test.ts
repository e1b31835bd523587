import { describe, expect, it } from 'vitest';
import { hookOf, Release } from '../src/release.ts';

describe('a release', () => {
  it('is read from what helm template prints', () => {
    const release = Release.parse(`---
# Source: gatecast/templates/empty.yaml
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: backup
  annotations:
    helm.sh/hook: pre-install, post-upgrade
    helm.sh/hook-weight: "-3"
spec:
  jobTemplate:
    spec:
      template:
        metadata:
          labels: { app: backup }
        spec:
          containers: [{ name: backup }]
`);
    expect(release.pods).toMatchObject([{ id: 'CronJob/backup', labels: { app: 'backup' }, isService: false }]);
    expect(release.manifests.map(hookOf)).toEqual([{ events: ['pre-install', 'post-upgrade'], weight: -3 }]);
  });

  it('is nothing for nothing', () => {
    expect(Release.parse('').manifests).toEqual([]);
  });

  it.each([
    ['a key that is there twice', 'apiVersion: v1\nkind: A\nkind: B\nmetadata: { name: a }\n', /unique/],
    ['no object of Kubernetes', 'just text\n', /not a Kubernetes object/],
    ['an object without a name', 'apiVersion: v1\nkind: List\nitems: []\n', /not a Kubernetes object/],
  ])('refuses %s', (_what, text, message) => {
    expect(() => Release.parse(text)).toThrow(message);
  });
});
