export { generateSealingKeys, type SealingKeys } from './generate.ts';
export { createOpener, createSealer, type Opener, type Sealer, sealedTo } from './seal.ts';
