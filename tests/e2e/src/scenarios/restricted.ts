import { KubeApiError } from '../cluster/kube-api.ts';
import type { ListOf } from '../cluster/resources.ts';
import type { Scenario } from '../scenario.ts';

interface Event {
  readonly reason?: string;
  readonly message?: string;
}

export const restricted: Scenario = {
  name: 'restricted',
  title: 'a namespace that enforces Pod Security "restricted" admits every pod of the release',
  ci: true,
  async steps(run) {
    const { api, name } = run.release.namespace;
    // It is enforced: what is not restricted is refused.
    const refusal = await api
      .post(`/api/v1/namespaces/${name}/pods?dryRun=All`, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'unrestricted' },
        spec: { containers: [{ name: 'unrestricted', image: 'unrestricted' }] },
      })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    run.expect(refusal instanceof KubeApiError && refusal.status === 403, 'a pod that is not restricted is refused');

    const { items } = await api.get<ListOf<Event>>(`/api/v1/namespaces/${name}/events`);
    for (const { message = '' } of items.filter((event) => event.message?.includes('violates PodSecurity'))) {
      run.expect(false, message);
    }
    const pods = await run.release.namespace.pods();
    run.extras.set('pods', String(pods.length));
    run.expect(pods.length > 0, 'there are pods');
  },
};
