export { newNonce } from './nonce';
export { patiently } from './patiently';
export type { Connect, Conversation, Runner, RunResult } from './runner';
export { connectSsh, createSshConnector, type SshOptions } from './ssh';
