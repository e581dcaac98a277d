/** The address on VLAN 100 is what the probe needs; one switch port does not carry it. */
export const storageVlan = (deadline: string) => [
  {
    name: 'storage VLAN',
    hosts: 'cluster1',
    atomic: 'wave',
    deadline,
    network: {
      interfaces: [
        {
          name: 'eth1.100',
          type: 'vlan',
          vlan: { 'base-iface': 'eth1', id: 100 },
          ipv4: {
            enabled: true,
            address: [{ ip: '10.100.0.{{ lab_index | plus: 10 }}', 'prefix-length': 24 }],
          },
        },
      ],
    },
    probes: [{ ping: '10.100.0.1' }],
  },
];
