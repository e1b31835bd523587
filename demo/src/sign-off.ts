import type { ApiClient } from '@gatecast/local-stack';
import { delay, systemClock } from '@gatecast/shared/lifecycle';
import type { PlannedGateway } from './fleet-plan.ts';

const DEADLINE_MS = 3_000;
const POLL_MS = 100;

/**
 * Disables the integrations and waits, not for long, until their sessions have said `offline`: a broker of the user's
 * own would go on showing the retained `online` of gateways that are gone.
 */
export async function signOff(
  api: Pick<ApiClient, 'patchIntegration' | 'status'>,
  gateways: readonly PlannedGateway[],
): Promise<void> {
  const deadline = systemClock.monotonic() + DEADLINE_MS;
  const isOver = () => systemClock.monotonic() >= deadline;
  const signOffOne = async ({ gatewayId }: PlannedGateway) => {
    await api.patchIntegration(gatewayId, { enabled: false });
    while (!isOver() && (await api.status(gatewayId)).code !== 'MQTT_INFO_DISABLED_BY_USER') {
      await delay(POLL_MS, systemClock);
    }
  };
  // A gateway that was deleted, or a service that has died, is why some cannot; the others shall all the same.
  await Promise.race([Promise.allSettled(gateways.map(signOffOne)), delay(DEADLINE_MS, systemClock)]);
}
