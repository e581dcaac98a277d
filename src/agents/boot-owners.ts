/**
 * Who configures an interface at the next boot, besides netorch: ifupdown, networkd, NetworkManager,
 * netplan, ifcfg files, wicked, dhcpcd. Read from their configuration, not from what runs: that is
 * owners.ts. Whoever is found here would undo what netorch brings back, or be undone by it.
 */

/** Interface name → whose and which file, e.g. `ifupdown (/etc/network/interfaces)`. */
export type BootOwners = ReadonlyMap<string, string>;

const WORDS: Readonly<Record<string, string>> = {
  ifupdown: 'ifupdown',
  networkd: 'systemd-networkd',
  networkmanager: 'NetworkManager',
  netplan: 'netplan',
  ifcfg: 'the ifcfg files',
  wicked: 'wicked',
  dhcpcd: 'dhcpcd',
};

/** A shell pattern over interface names; networkd lists several, and "!" turns the list round. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const isNegated = patterns[0]?.startsWith('!') === true;
  const expressions = patterns.map((pattern) => {
    const source = pattern
      .replace(/^!/, '')
      .replace(/[.+^${}()|\\]/g, '\\$&')
      // One star does what several do, and costs less.
      .replace(/\*+/g, '.*')
      .replaceAll('?', '.')
      .replaceAll('[!', '[^');
    try {
      return new RegExp(`^${source}$`);
    } catch {
      // A bracket that is never closed: it matches nothing there either.
      return /$^/;
    }
  });
  return (name) => expressions.some((expression) => expression.test(name)) !== isNegated;
}

/** The words of a line that stand for interfaces, as patterns. */
function namesIn(kind: string, text: string): readonly string[] {
  const words = text.trim().split(/\s+/);
  switch (kind) {
    case 'ifupdown':
      // `iface NAME inet static`, `auto NAME NAME`, `allow-hotplug NAME`; a mapping may follow "=".
      return (words[0] === 'iface' ? words.slice(1, 2) : words.slice(1)).map(
        (word) => word.split('=')[0] ?? '',
      );
    case 'networkd':
      return /^\s*Name\s*=/.test(text)
        ? text
            .replace(/^[^=]*=/, '')
            .trim()
            .split(/\s+/)
        : [];
    case 'networkmanager':
    case 'ifcfg':
      return [
        text
          .replace(/^[^=]*=/, '')
          .trim()
          .replace(/^["']|["']$/g, ''),
      ];
    case 'netplan':
      return [
        text
          .trim()
          .replace(/:.*$/, '')
          .replace(/^["']|["']$/g, ''),
      ];
    default:
      return [text.trim()];
  }
}

/** `lines`: the section "boot-owners". `names`: the interfaces that are asked about. */
export function findBootOwners(lines: readonly string[], names: Iterable<string>): BootOwners {
  const owners = new Map<string, string>();
  const asked = [...names].filter((name) => name !== 'lo');
  for (const line of lines) {
    const match = /^([a-z-]+) ([^:]+):(.*)$/.exec(line);
    const words = WORDS[match?.[1] ?? ''];
    if (match === null || words === undefined) continue;
    const [, kind = '', file = '', text = ''] = match;
    const patterns = namesIn(kind, text).filter((pattern) => pattern !== '');
    if (patterns.length === 0) continue;
    const isMatch = matcher(patterns);
    for (const name of asked) {
      if (!owners.has(name) && isMatch(name)) owners.set(name, `${words} (${file})`);
    }
  }
  return owners;
}

/** cloud-init may write the network's configuration anew at a boot. */
export function isCloudInitActive(lines: readonly string[]): boolean {
  return lines.some((line) => line.startsWith('cloud-init '));
}
