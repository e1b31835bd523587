import { describe } from 'vitest';
import { checksums } from '../../src/rules/checksums.ts';
import { changed } from '../good-release.ts';
import { itSees } from '../sees.ts';

describe('checksums', () => {
  const api = 'Deployment/gatecast-config-api';

  itSees(checksums, [
    [
      'a ConfigMap without one',
      changed(api, ({ spec }) => {
        spec.template.metadata.annotations = { 'kubectl.kubernetes.io/restartedAt': 'today' };
      }),
      `${api}: reads ConfigMap/gatecast-sealing and has no checksum of it`,
    ],
  ]);
});
