export { loadStack } from './load-stack';
export { type Entry, type Meaning, RESOURCE_TYPES } from './resource-types';
