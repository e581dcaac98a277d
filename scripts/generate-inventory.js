/** Inventories and host patterns made at random, for compare-with-ansible.js. */

/** The same numbers in [0, 1) for the same seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const GROUPS = ['web', 'db', 'dc1', 'dc-2', 'app_x', '1st', 'a.b', 'ungrouped', 'all'];
const HOSTS = [
  'w1',
  'w2',
  'web',
  'db1.example.com',
  'h_3',
  'node[1:3]',
  'n[01:03]x',
  'r[a:c]-[1:2]',
  's[0:6:3]',
  '10.0.0.[1:2]',
  '10.1.2.3',
  '2001:db8::7',
  '2001:db8::[1:2]',
  'localhost',
  'ü1',
  'x[:2]',
  'p1:2222',
  'p[1:2]:22',
  '[2001:db8::9]:2200',
  'q;r',
  'w1',
  'w2',
  'w3',
];
const BAD_HOSTS = ['bad[3:1]', 'odd:name', 'h[1:c]', 'h:', 'h[01:100]', 'h[f:a]', 'h[1:]'];
const KEYS = ['v', 'w', 'ansible_host', 'ansible_port', 'x-y', 'list', 'map', 'ansible_user'];
const LITERALS = [
  '1',
  '01',
  '1.50',
  'True',
  'true',
  'None',
  'yes',
  '0x1F',
  '1_000',
  '-5',
  '+5',
  '--5',
  '1e3',
  '[1,2]',
  '(1,2)',
  '1,2',
  '{}',
  "{'a':1}",
  '10.0.0.1',
  'text',
  'a=b',
  '=',
  '',
  'Nope',
  '2001:db8::1',
  '~/x',
  '$HOME',
  '{{w}}',
  '\\n',
  'a;b',
  'é',
];
const QUOTED = [
  '"a b"',
  "'a b'",
  '"a # b"',
  "'it''s'",
  '"5"',
  '"[1, 2]"',
  "\"{'a': [1, {'b': None}]}\"",
  '\'"x"\'',
  '"\'03#x\'"',
  '\\"1\\"',
  'a#b',
  'a\\ b',
  '""',
  '"a\\"b"',
  "'a\\b'",
];
const LINE_VALUES = [
  'a b',
  'text # c',
  '8080 # c',
  '"str" # c',
  "['l'] # c",
  "{'a': [1, 2], 'b': {'c': None}}",
  '[1, 2',
  "'a' 'b'",
  'a # [',
];
const YAML_VALUES = [
  '1',
  'yes',
  'No',
  'on',
  '"yes"',
  '010',
  '08',
  '0x1F',
  '0b11',
  '1_000',
  '1.5',
  '1e3',
  '1.0e+3',
  '.5',
  '~',
  'null',
  '""',
  'text',
  'y',
  'n',
  '12:30',
  '12:30:45',
  '[1, two, {a: no}]',
  '{a: {b: [1]}}',
  "'it''s'",
  '"\\u00e9\\n"',
  '!!str 5',
  '!unsafe "{{ x }}"',
  '"{{ w }}"',
  '+12',
  '-0',
  '1.',
  '1__0',
  '0o17',
  'True',
  'TRUE',
  'tRUE',
];

export function generateCase(random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const chance = (share) => random() < share;
  const times = (most, make) => Array.from({ length: Math.floor(random() * (most + 1)) }, make);
  const host = () => pick(chance(0.004) ? BAD_HOSTS : HOSTS);
  const files = [];
  const sources = [];
  const groups = GROUPS.filter(() => chance(0.6));
  if (groups.length === 0) groups.push('web');

  /** A child stands after its parent in the list, so that loops are rare. */
  const childOf = (group) => {
    const later = groups
      .slice(groups.indexOf(group) + 1)
      .filter((name) => !['all', 'ungrouped'].includes(name));
    return chance(0.01) ? pick(GROUPS) : pick(later.length > 0 ? later : ['leaf']);
  };

  const iniText = () => {
    const lines = [];
    const assignment = () => `${pick(KEYS)}=${pick(chance(0.6) ? LITERALS : QUOTED)}`;
    const hostLine = () =>
      [host(), ...times(3, assignment)].join(pick([' ', '  ', '\t'])) +
      pick(['', '', ' # comment', ' ']);
    lines.push(...times(3, hostLine));
    for (const group of groups) {
      lines.push(pick(['', '# comment', '; other comment', '   ']));
      lines.push(`[${group}]${pick(['', '', ' ', ' # comment'])}`, ...times(4, hostLine));
      if (chance(0.4)) {
        lines.push(`[${group}:vars]`);
        lines.push(
          ...times(
            4,
            () =>
              `${pick(KEYS)}${pick(['=', ' = '])}${pick(pick([LITERALS, QUOTED, LINE_VALUES]))}`,
          ),
        );
        if (chance(0.2)) lines.push(`ansible_group_priority=${pick(['5', '10', '-1'])}`);
      }
      if (chance(group === 'ungrouped' ? 0.01 : 0.4)) {
        const children = times(2, () => childOf(group));
        lines.push(`[${group}:children]`, ...children);
        for (const child of children) if (chance(0.98)) lines.push(`[${child}]`);
      }
    }
    if (chance(0.03))
      lines.push(pick(['[bad name]', '[web:wrong]', 'h "open', '[none:vars]', 'h x']));
    return `${lines.join('\n')}\n`;
  };

  const yamlValue = () => pick(YAML_VALUES);
  const yamlVars = () =>
    `{${[...new Set(times(3, () => pick(KEYS)))].map((key) => `${key}: ${yamlValue()}`).join(', ')}}`;
  const yamlGroup = (name, indent, depth) => {
    const pad = ' '.repeat(indent);
    const parts = [];
    const hosts = [...new Set(times(4, host))];
    const hostsPart = hosts.map(
      (host) => `${pad}    ${JSON.stringify(host)}: ${chance(0.5) ? yamlVars() : ''}\n`,
    );
    if (hosts.length > 0) parts.push(`${pad}  hosts:\n${hostsPart.join('')}`);
    if (chance(0.4)) parts.push(`${pad}  vars: ${yamlVars()}\n`);
    const children =
      depth < 3 && groups.includes(name) && (name !== 'ungrouped' || chance(0.02))
        ? [...new Set(times(2, () => childOf(name)))]
        : [];
    const childrenPart = children.map((child) => yamlGroup(child, indent + 4, depth + 1));
    if (children.length > 0) parts.push(`${pad}  children:\n${childrenPart.join('')}`);
    if (chance(0.5)) parts.reverse();
    return `${pad}${JSON.stringify(name)}:\n${parts.join('')}`;
  };
  const yamlText = () =>
    groups
      .filter(() => chance(0.6))
      .map((group) => yamlGroup(group, 0, 0))
      .join('') || 'all:\n';

  const programText = () => {
    const plain = HOSTS.filter((host) => !/[[:;]/.test(host) || host === '2001:db8::7');
    const vars = () =>
      Object.fromEntries(times(3, () => [pick(KEYS), pick([1, 'a', null, [1], { a: true }])]));
    const list = Object.fromEntries(
      groups.map((group) => [
        group,
        chance(0.2)
          ? times(3, () => pick(plain))
          : {
              hosts: times(3, () => pick(plain)),
              ...(chance(0.5) ? { vars: vars() } : {}),
              ...(chance(0.3) && group !== 'ungrouped' ? { children: [childOf(group)] } : {}),
            },
      ]),
    );
    const hostvars = Object.fromEntries(times(4, () => [pick(plain), vars()]));
    const text = JSON.stringify({ ...list, _meta: { hostvars } });
    return `#!/bin/sh\ncat <<'END'\n${text}\nEND\n`;
  };

  const source = (path, kind) => {
    if (kind === 'ini') files.push({ path, text: iniText() });
    else if (kind === 'yaml') files.push({ path: `${path}.yml`, text: yamlText() });
    else files.push({ path, text: programText(), mode: 0o755 });
    return kind === 'yaml' ? `${path}.yml` : path;
  };
  const kinds = ['ini', 'ini', 'yaml', 'yaml', 'program'];
  let folder = '.';
  if (chance(0.25)) {
    folder = 'inv';
    for (const name of ['02-b', '01-a', 'sub/03-c']) {
      if (chance(0.7)) source(`inv/${name}`, pick(kinds));
    }
    source('inv/04-d', 'ini');
    files.push({ path: 'inv/notes.md', text: 'not an inventory' });
    sources.push('inv');
  } else {
    sources.push(source('hosts', pick(kinds)));
  }
  if (chance(0.3)) sources.push(source('more/hosts', pick(kinds)));
  if (chance(0.1)) sources.push(pick(['h1,h2:23,w1', 'w1,', '10.0.0.9,[2001:db8::5]:22,']));

  const variableFile = () => `${times(3, () => `${pick(KEYS)}_f: ${yamlValue()}`).join('\n')}\n`;
  const uniqueKeys = (text) => {
    const seen = new Map(text.split('\n').map((line) => [line.split(':')[0], line]));
    return `${[...seen.values()].join('\n')}\n`;
  };
  for (const name of groups) {
    if (chance(0.25)) {
      const path = pick([name, `${name}.yml`, `${name}.yaml`, `${name}/10.yml`]);
      files.push({ path: `${folder}/group_vars/${path}`, text: uniqueKeys(variableFile()) });
    }
    if (chance(0.05)) {
      files.push({ path: `group_vars/${name}.json`, text: '{"v_f": "json", "w": [1, null]}' });
    }
  }
  for (const name of ['w1', 'node1', 'db1.example.com', 'web']) {
    if (chance(0.2)) {
      files.push({ path: `${folder}/host_vars/${name}.yml`, text: uniqueKeys(variableFile()) });
    }
  }

  const names = [...groups, 'w1', 'w2', 'node1', 'n02x', '10.0.0.1', 'localhost', 'ra-1', 'ü1'];
  const single = () => {
    const base = pick([
      () => pick(names),
      () => pick(names),
      () =>
        pick(['*', 'w*', '*1', 'n??x', '[wn]*', '[!w]*', '*.example.*', '10.*', 'we[b]', '[]x]*']),
      () => pick(['~w', '~(w|n).*1$', '~.*\\.example', '~^h_\\d', '~[^w]', '~(?i)W', '~w[12]']),
      () => pick(['nope', 'W1', 'w[12]', '2001:db8::7', '127.0.0.1']),
    ])();
    const subscript = chance(0.25)
      ? pick([
          '[0]',
          '[-1]',
          '[1]',
          '[0:1]',
          '[1:]',
          '[0-1]',
          '[2:1]',
          '[7]',
          '[0:0]',
          '[:2]',
          '[1:0]',
        ])
      : '';
    return base + subscript;
  };
  const pattern = () => {
    const parts = [single(), ...times(2, () => pick(['', '&', '!', '!']) + single())];
    return parts.join(pick([':', ',', ', ', ':']));
  };
  const patterns = Array.from({ length: 12 }, () => ({
    pattern: pattern(),
    ...(chance(0.25) ? { limit: pattern() } : {}),
  }));
  return { files, sources, patterns };
}
