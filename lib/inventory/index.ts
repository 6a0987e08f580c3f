export { type Inventory, readInventory } from './inventory-file';
export { sshHosts } from './ssh-hosts';
