import type { Runner } from '../../lib/transport';

/** For runners of tests that never hold a conversation. */
export const hold: Runner['hold'] = () => Promise.reject(new Error('this runner only runs'));
