/** Asks each host that the options choose the same question: what show, status, ping and the like have in common. */
import type { Connection, ConnectionTarget } from '../transport/transport.js';
import { chooseHosts } from './choose-hosts.js';
import { readCommonOptions, type HostOptions } from './host-options.js';
import { askHosts, type HostAnswer } from './observe-hosts.js';
import { openTransport } from './open-transport.js';
import { collectErrors, openInventory, targetFor } from './prepare.js';

/** Without `--hosts` and `--limit`, all hosts of the inventory. Throws what reading the inventory throws. */
export async function askChosenHosts<T>(
  options: HostOptions,
  ask: (connection: Connection, target: ConnectionTarget) => Promise<T>,
): Promise<readonly HostAnswer<T>[]> {
  const common = readCommonOptions(options);
  const { inventory } = await openInventory(common);
  const hosts = (await chooseHosts(inventory, common)) ?? inventory.hosts;
  const targets = collectErrors(hosts, (host) => targetFor(host, inventory, undefined));
  return askHosts(targets, await openTransport(targets), options.forks, ask);
}
