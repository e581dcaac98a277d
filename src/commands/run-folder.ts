/** Where the journals of this user are. */
import { homedir } from 'node:os';

import { stateFolder } from '../run/journal.js';

export function journals(): string {
  return stateFolder(process.env, homedir());
}
