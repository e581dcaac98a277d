/** `netorch inventory`: what the inventory says, as Ansible understands it. */
import { Command } from 'commander';

import { explainMatch, shortValue, variableOrigins } from '../inventory/explain.js';
import { patternSteps } from '../inventory/host-pattern.js';
import { inventoryGraphText } from '../inventory/inventory-graph-text.js';
import { inventoryList, sortedJson, writtenVars } from '../inventory/inventory-json.js';
import type { Inventory } from '../inventory/inventory.js';
import { readPatternFiles } from '../inventory/sources.js';
import { NetorchError } from '../errors.js';
import { sanitise } from '../ui/sanitise.js';
import { chooseHosts } from './choose-hosts.js';
import { addInventoryOptions, readCommonOptions, type InventoryOptions } from './host-options.js';
import { openInventory } from './prepare.js';

function print(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.map((line) => sanitise(line)).join('\n')}\n`);
}

export function inventoryCommand(): Command {
  return new Command('inventory')
    .description('show hosts, groups and variables as they are read from the inventory')
    .addCommand(listCommand())
    .addCommand(graphCommand())
    .addCommand(hostCommand())
    .addCommand(hostsCommand());
}

function listCommand(): Command {
  return addInventoryOptions(new Command('list').description('list the hosts with their groups'))
    .option('--json', 'print the JSON of "ansible-inventory --list"')
    .action(async (options: InventoryOptions & Readonly<{ json?: boolean }>) => {
      const common = readCommonOptions(options);
      const { inventory } = await openInventory(common);
      const hosts = (await chooseHosts(inventory, common)) ?? inventory.hosts;
      if (options.json === true) {
        process.stdout.write(`${sortedJson(inventoryList(inventory, hosts))}\n`);
        return;
      }
      const width = hosts.reduce((most, host) => Math.max(most, host.length), 0);
      print(
        hosts.map((host) => {
          const names = inventory.hostVars(host).value['group_names'];
          const groups = Array.isArray(names) ? names.join(', ') : '';
          return `${host.padEnd(width)}  ${groups}`;
        }),
      );
    });
}

function graphCommand(): Command {
  return addInventoryOptions(
    new Command('graph')
      .description('draw the tree of groups and hosts')
      .argument('[group]', 'the group to begin with', 'all'),
  ).action(async (group: string, options: InventoryOptions) => {
    const { inventory } = await openInventory(readCommonOptions(options));
    print(inventoryGraphText(inventory, group));
  });
}

function hostCommand(): Command {
  return addInventoryOptions(
    new Command('host')
      .description('print the variables of one host (JSON)')
      .argument('<name>', 'the host')
      .argument('[variable]', 'with --explain: only this variable'),
  )
    .option('--explain', 'say where each value comes from, and which others lost')
    .action(
      async (
        name: string,
        variable: string | undefined,
        options: InventoryOptions & Readonly<{ explain?: boolean }>,
      ) => {
        const { inventory } = await openInventory(readCommonOptions(options));
        const vars = writtenVars(inventory, name);
        if (options.explain === true) print(explanation(inventory, name, vars, variable));
        else if (variable === undefined) process.stdout.write(`${sortedJson(vars)}\n`);
        else process.stdout.write(`${sortedJson(ownValue(vars, name, variable))}\n`);
      },
    );
}

function ownValue(vars: Readonly<Record<string, unknown>>, host: string, name: string): unknown {
  if (Object.hasOwn(vars, name)) return vars[name];
  throw new NetorchError('UNDEFINED_VARIABLE', `host "${host}" has no variable "${name}"`);
}

function explanation(
  inventory: Inventory,
  host: string,
  vars: Readonly<Record<string, unknown>>,
  variable: string | undefined,
): readonly string[] {
  if (variable !== undefined) ownValue(vars, host, variable);
  const names = variable === undefined ? Object.keys(vars).toSorted() : [variable];
  return variableOrigins(inventory, host, names).flatMap(({ name, definitions }) => [
    `${name} = ${shortValue(vars[name])}`,
    ...definitions.map(
      ({ owner, at, value }, index) =>
        `  ${index === 0 ? 'from' : 'over'} ${owner} (${at})${index === 0 ? '' : `: ${shortValue(value)}`}`,
    ),
  ]);
}

function hostsCommand(): Command {
  return addInventoryOptions(
    new Command('hosts')
      .description('print the hosts that a pattern names, one a line')
      .argument('<pattern>', 'such as "web:!web3", "db*", "~web[0-9]+", "web[0:2]"'),
  )
    .option('--explain', 'say why each host matched')
    .action(
      async (pattern: string, options: InventoryOptions & Readonly<{ explain?: boolean }>) => {
        const common = { ...readCommonOptions(options), hosts: pattern };
        const { inventory } = await openInventory(common);
        const hosts = (await chooseHosts(inventory, common)) ?? [];
        if (options.explain !== true) return print(hosts);
        const steps = patternSteps(inventory, await readPatternFiles(pattern, common.cwd));
        print(
          hosts.flatMap((host) => [
            host,
            ...explainMatch(inventory, host, steps).map((line) => `  ${line}`),
          ]),
        );
      },
    );
}
