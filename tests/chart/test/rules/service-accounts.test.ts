import { describe } from 'vitest';
import { serviceAccounts } from '../../src/rules/service-accounts.ts';
import { changed } from '../good-release.ts';
import { inPod, itSees } from '../sees.ts';

const encoder = 'Deployment/gatecast-encoder';

describe('service accounts', () => {
  itSees(serviceAccounts, [
    [
      'a token in a pod',
      inPod(encoder, (spec) => {
        delete spec.automountServiceAccountToken;
      }),
      `${encoder}: automountServiceAccountToken is not false`,
    ],
    [
      'a token by a projected volume',
      inPod(encoder, (spec) => {
        spec.volumes = [{ name: 'token', projected: { sources: [{ serviceAccountToken: {} }] } }];
      }),
      `${encoder}: projects a token`,
    ],
    [
      'links to Services in the environment',
      inPod('Job/gatecast-setup', (spec) => {
        spec.enableServiceLinks = true;
      }),
      'Job/gatecast-setup: enableServiceLinks is not false',
    ],
    [
      'an account that hands its token to every pod',
      changed('ServiceAccount/gatecast-setup', (account) => {
        delete account.automountServiceAccountToken;
      }),
      'ServiceAccount/gatecast-setup: automountServiceAccountToken is not false',
    ],
  ]);
});
