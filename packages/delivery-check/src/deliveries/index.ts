export { type BrokerAddress, DeliveryCollector } from './delivery-collector.ts';
export { DeliveryLog } from './delivery-log.ts';
