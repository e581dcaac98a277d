/** `netorch validate`: inventory, playbook and network plans checked without contacting a host. */
import { Command } from 'commander';

import { addHostOptions, readCommonOptions, type HostOptions } from './host-options.js';
import { prepare } from './prepare.js';

export function validateCommand(): Command {
  return addHostOptions(
    new Command('validate')
      .description('check inventory, playbook and network plans; contacts no host')
      .argument('[playbook]', "playbook file (default: the project's, see netorch.yml)"),
  ).action(async (playbook: string | undefined, options: HostOptions) => {
    const plays = await prepare(readCommonOptions(options), playbook);
    for (const play of plays) {
      const count = play.tasks.size;
      const waves = play.waves.length;
      process.stdout.write(
        `${play.name}: good for ${count} host${count === 1 ? '' : 's'} in ${waves} wave${waves === 1 ? '' : 's'}\n`,
      );
    }
  });
}
