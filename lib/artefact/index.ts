export { loadStack } from './load-stack';
