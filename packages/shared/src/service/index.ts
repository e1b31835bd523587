export { type ConnectedService, type ConnectionSettings, connectService } from './connect-service.ts';
export { runService, type ServiceContext, type ServiceDefinition } from './run-service.ts';
