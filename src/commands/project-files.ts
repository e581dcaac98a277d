/** The files of a new project, by their place in it. */

/** `labInventory`: where "netorch lab up" puts its inventory. */
export function projectFiles(labInventory: string): Readonly<Record<string, string>> {
  return {
    'netorch.yml': `# Read by netorch in this folder and all below it.
inventory:
  # The virtual hosts of "netorch lab up". Take this line out when your own hosts are in inventory/.
  - ${JSON.stringify(labInventory)}
  - inventory
playbook: playbooks/site.yml
`,
    'inventory/hosts.yml': `# Ansible's inventory format; the one you have can stand here instead.
storage:
  hosts: {}
  #  db1:
  #    ansible_host: 192.0.2.11
  #    ansible_user: root
  children:
    cluster1: {} # the hosts of the lab
`,
    'inventory/group_vars/storage.yml': `storage_vlan: 100
`,
    'playbooks/site.yml': `# What is rolled out: a bond of two NICs, a VLAN on it, a bridge on top with an address.
- name: storage network
  hosts: storage
  serial: [1, 50%] # one host first, then half of the rest at a time
  network: # a nmstate document; "netorch show HOST" prints what a host has now
    interfaces:
      - name: bond0
        type: bond
        link-aggregation:
          mode: 802.3ad
          port: [eth3, eth4]
          options: { miimon: 100, lacp_rate: fast }
      - name: bond0.100
        type: vlan
        vlan: { base-iface: bond0, id: '{{ storage_vlan }}' }
      - name: br100
        type: linux-bridge
        bridge:
          options: { stp: { enabled: false } }
          port: [{ name: bond0.100 }]
        ipv4:
          enabled: true
          address: [{ ip: '10.100.0.{{ lab_index | plus: 10 }}', prefix-length: 24 }]
  probes: # what must answer, from each host, before its change is confirmed
    - ping: 10.100.0.1
`,
  };
}
