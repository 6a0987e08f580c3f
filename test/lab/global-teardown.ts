/** Jest's global teardown of the lab project. (A run that is killed takes the machine with it as well: see host/qemu.) */
export default function tearDownLab(): void {
  globalThis.lvsformLab?.stop();
}
