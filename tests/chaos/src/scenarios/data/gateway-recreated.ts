import type { Scenario } from '../../scenario.ts';

export const gatewayRecreated: Scenario = {
  name: 'gateway-recreated',
  group: 'data',
  title: 'gateways are deleted and created again under load: nothing of their former life reaches the new one',
  async faults(run) {
    for (const gateway of run.gateways.slice(0, 4)) {
      const { gatewayId, broker, load } = gateway;
      run.note(`${gatewayId} is deleted`);
      await gateway.client.delete();
      const mqtt = { host: broker.host, port: broker.port, protocolVersion: '5' } as const;
      gateway.client = await run.stack.registerGateway({ gatewayId, mqtt });
      run.note(`${gatewayId} is created again`);
      load.token = gateway.client.token;
      // An ingest that has not heard of the deletion yet takes a request for the former life: it goes with that.
      await run.flowing(5);
      load.forgive((n) => load.isOfFormerLife(n) && !run.deliveries.has(gatewayId, n));
    }
  },
};
