/** What runs TypeScript. A file of its own, loaded with the first program. */
export { register } from 'tsx/cjs/api';
