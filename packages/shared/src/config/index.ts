export { commonSettings, ownershipSettings } from './common-settings.ts';
export { isSecretSetting, loadConfig, variableOf } from './load-config.ts';
