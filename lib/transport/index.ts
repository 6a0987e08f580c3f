export { newNonce } from './nonce';
export type { Connect, Conversation, Runner, RunResult } from './runner';
export { connectSsh, createSshConnector, type SshOptions } from './ssh';
