import type { Scenario } from '../../scenario.ts';

export const limitsReached: Scenario = {
  name: 'limits-reached',
  group: 'data',
  title: 'gateways have more waiting than they may: their oldest are lost, exactly counted; nobody else loses any',
  setup: {
    env: { 'config-api': { GATECAST_BACKLOG_MAX_BATCHES_PER_GATEWAY: '40' } },
    brokers: [
      { gateways: 4, promises: { lossesAllowed: true } },
      { gateways: 6, promises: { worstGapMs: 1_000, connects: 1 } },
    ],
  },
  async faults(run) {
    run.sessionLost('the broker goes away');
    await run.broker.proxy.refuse();
    run.broker.proxy.resetAll();
    await run.lasting(20_000);
    await run.broker.proxy.restore();
    await run.flowing();
    for (const { gatewayId, client, load } of run.gatewaysAt(run.broker)) {
      const { lost } = (await client.status()).backlog;
      const last = Math.max(0, ...run.deliveries.arrivals(gatewayId).map(({ n }) => n));
      const missing = load.accepted.filter(({ n }) => n < last && !run.deliveries.has(gatewayId, n));
      run.expect(lost > 0, `${gatewayId} has reached its limit`);
      run.expect(
        lost === missing.length,
        `${gatewayId}: ${missing.length} missing, ${lost} counted: without a crash, exactly`,
      );
      const gone = new Set(missing.map(({ n }) => n));
      load.forgive((n) => gone.has(n));
    }
  },
};
