/** The documents that people write, as JSON Schema for their editors. */
import { networkPlanSchema, schemaForEditors, type JsonSchema } from '../network/editor-schema.js';
import { playSchema } from '../playbook/playbook.js';
import { HOST_ORDERS } from '../playbook/rollout-keys.js';
import { settingsSchema } from '../playbook/settings.js';

export const SCHEMA_NAMES = ['netorch', 'playbook', 'network'] as const;

export type SchemaName = (typeof SCHEMA_NAMES)[number];

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** What stands beside a key in an editor, and what zod cannot say of it. A test holds that every key is here. */
export const PLAY_KEYS: Readonly<Record<string, JsonSchema>> = {
  name: { description: 'What the play is called; default: its hosts.' },
  hosts: { description: 'Host pattern, as in Ansible: names, groups, "web:!web3".' },
  serial: { description: 'Hosts of each wave: a number, a share like "10%", or a list of those.' },
  max_fail_percentage: {
    description:
      'The run stops when more than this share of a wave failed, was rolled back or lost.',
  },
  order: { description: 'The order of hosts.', enum: HOST_ORDERS },
  throttle: { description: 'Hosts under way at the same time, at most.' },
  any_errors_fatal: { description: 'One bad host stops the run.' },
  on_lost: {
    description: 'Whether a lost host stops the run (it does by default).',
    enum: ['stop', 'continue'],
  },
  soak: { description: 'Time for which a wave is watched before the next one, such as "60s".' },
  approve: { description: 'manual: each wave waits for a word.', enum: ['auto', 'manual'] },
  never_together: {
    description: 'Inventory variables: two hosts with one value are never in one wave.',
  },
  spread: { description: 'Inventory variable over whose values each wave is spread evenly.' },
  atomic: {
    description: 'Hosts that are confirmed together, or not at all.',
    enum: ['wave', 'run'],
  },
  allow_cut_off: {
    description:
      'Also plans that take away the address at which SSH answers, with no other in its place.',
    type: ['boolean', 'string'],
  },
  vars: { description: "Variables of the play; stronger than the inventory's." },
  become: {
    description: "Work with root's rights (or become_user's).",
    type: ['boolean', 'string'],
  },
  become_user: { description: 'The user to become; default: root.' },
  backend: { description: 'What carries the changes out.', enum: ['auto', 'iproute2', 'nmcli'] },
  deadline: {
    description: 'Time to prove a changed host good before it rolls back, such as "45s".',
  },
  temporary: {
    description: 'Do not make the change survive a reboot.',
    type: ['boolean', 'string'],
  },
  network: { description: "The network plan: nmstate's form or the shorthand." },
  probes: { description: 'What must answer, from each host, before its change is confirmed.' },
  checks: {
    description: 'What must be good after each wave: probes, and commands of this machine.',
  },
};

const PROBE: JsonSchema = {
  type: 'object',
  properties: {
    ping: { type: 'string', description: 'Address or name.' },
    size: { description: 'Size of the whole IP packet in bytes.' },
    count: {},
    tcp: { type: 'string', description: 'ADDRESS:PORT' },
    arp: { type: 'string', description: 'Address of a neighbour, which need not answer pings.' },
    dns: { type: 'string', description: 'A name that the host must be able to look up.' },
    run: { type: 'array', description: 'A program of the host; good when it ends with 0.' },
    lldp: {
      type: 'string',
      description: 'Interface whose cable leads to a switch that names itself.',
    },
    switch: { type: 'string', description: "The switch's name, as it says itself." },
    port: { type: 'string', description: "Name or description of the switch's port." },
    mesh: {
      type: ['string', 'array'],
      items: { type: 'string' },
      description: 'A network, or several: its hosts must reach each other with whole packets.',
    },
    of: { type: 'string', description: 'The hosts of a mesh, where not all: a host pattern.' },
    required: { description: 'Must be good after the change though it was not before.' },
    command: { type: 'array', description: 'Checks only: a program of this machine.' },
    timeout: {},
  },
};

/** The schema of `name`, whole in itself. */
export function jsonSchema(name: SchemaName): JsonSchema {
  const network = networkPlanSchema();
  switch (name) {
    case 'netorch':
      return titled('netorch.yml', schemaForEditors(settingsSchema));
    case 'network':
      return {
        ...titled('network plan of netorch', network.plan),
        definitions: network.definitions,
      };
    case 'playbook': {
      const play = schemaForEditors(playSchema);
      const properties = play['properties'] as Readonly<Record<string, JsonSchema>>;
      const described = Object.entries(properties).map(([key, schema]) => [
        key,
        { ...schema, ...PLAY_KEYS[key] },
      ]);
      const list = { type: 'array', items: PROBE };
      const own = {
        network: {
          ...PLAY_KEYS['network'],
          anyOf: [network.plan, { type: 'null' }],
        },
        probes: { ...PLAY_KEYS['probes'], ...list },
        checks: { ...PLAY_KEYS['checks'], ...list },
      };
      return {
        ...titled('playbook of netorch', {
          type: 'array',
          minItems: 1,
          items: { ...play, properties: { ...Object.fromEntries(described), ...own } },
        }),
        definitions: network.definitions,
      };
    }
  }
}

function titled(title: string, schema: JsonSchema): JsonSchema {
  return { $schema: DRAFT, title, ...schema };
}

/** The file's text. */
export function schemaText(name: SchemaName): string {
  return `${JSON.stringify(jsonSchema(name), null, 2)}\n`;
}

/** Its name in a folder. */
export function schemaFile(name: SchemaName): string {
  return `${name}.schema.json`;
}
