/** Profiles of NetworkManager on disk, as put-back.sh puts them back and as an observation tells of them. */
import { describe, expect, test } from 'vitest';
import { agentScript } from '../../src/agents/bundle.js';
import { NamespaceHost, SHELLS, whyNot } from './namespace-host.js';

const D = '/etc/NetworkManager/system-connections';
const KEPT = '/var/lib/netorch/nm';
const UNDO = '/var/lib/netorch/nm.undo';

const profile = (file: string, uuid: string, text = '') =>
  `printf '%s\\n' '[connection]' 'id=${file}' 'uuid=${uuid}' '${text}' >'${D}/${file}.nmconnection'`;

/** What was there: "one a" was changed since, "two" was deleted, "three" is new, and one more was cut off. */
const HALF_WAY = `
mkdir -p ${D} ${UNDO}
rm -f ${D}/*
${profile('one a', 'u-1')}; ${profile('two', 'u-2')}; ${profile('others', 'u-9')}
: >${D}/empty.nmconnection
for f in ${D}/*; do echo "$f"; done >${UNDO}/names
cp "${D}/one a.nmconnection" ${UNDO}/u-1; cp ${D}/two.nmconnection ${UNDO}/u-2
printf '%s\\n' 'u-1 eth1 ${D}/one a.nmconnection' 'u-2 br0 ${D}/two.nmconnection' 'u-3 bond0 -' >${UNDO}/pending
${profile('one a', 'u-1', 'changed')}; rm ${D}/two.nmconnection; ${profile('three', 'u-3')}
: >${D}/cut-off.nmconnection
cat >${UNDO}/put-back.sh <<'NETORCH_TEST_END'
${agentScript('put-back')}NETORCH_TEST_END
mkdir -p ${KEPT}; echo x >${KEPT}/by
`;
const DISK = `cd ${D} && for f in *; do echo "$f: $(tr '\\n' ' ' <"$f")"; done`;
const BEFORE = [
  'empty.nmconnection: ',
  'one a.nmconnection: [connection] id=one a uuid=u-1  ',
  'others.nmconnection: [connection] id=others uuid=u-9  ',
  'two.nmconnection: [connection] id=two uuid=u-2  ',
  '',
].join('\n');

describe.each(SHELLS)('profiles on disk, under %s', (shell) => {
  const reason = whyNot(shell);
  const scenario = (name: string, run: (host: NamespaceHost) => Promise<void>): void => {
    (reason === undefined ? test : test.skip)(
      reason === undefined ? name : `${name} (skipped: ${reason})`,
      async () => {
        const host = await NamespaceHost.start(shell);
        try {
          await run(host);
        } finally {
          await host.stop();
        }
      },
    );
  };

  scenario('an act that was cut off is undone by the boot, once', async (host) => {
    await host.sh(HALF_WAY);
    await host.sh(`sh ${UNDO}/put-back.sh boot`);
    expect(await host.sh(DISK)).toBe(BEFORE);
    expect(await host.sh(`cd /var/lib/netorch; ls nm; ls nm.undo`)).toBe(
      'names\nput-back.sh\nu-1\nu-2\n',
    );
    // Whatever is there at the next boot is somebody's.
    await host.sh(profile('three', 'u-3'));
    await host.sh(`sh ${UNDO}/put-back.sh boot`);
    expect(await host.sh(`cat ${D}/three.nmconnection`)).toContain('u-3');
  });

  scenario('what is temporary and what is persistent is told as it is', async (host) => {
    const R = '/run/NetworkManager/system-connections';
    await host.sh(`${HALF_WAY}
      mv ${UNDO}/u-1 ${UNDO}/u-2 ${KEPT}; mv ${UNDO}/pending ${KEPT}/former; rm -r ${UNDO}
      ${profile('four', 'u-4')}; cp ${D}/four.nmconnection ${KEPT}/u-4
      echo 'u-4 eth4 ${D}/four.nmconnection' >>${KEPT}/former
      mkdir -p ${R} /run/netorch
      printf '%s\\n' 'uuid=u-5' >${R}/five.nmconnection
      printf '%s\\n' 'uuid=u-6' 'shadowed-storage=${D}/four.nmconnection' >${R}/six.nmconnection
      printf '%s\\n' 'uuid=u-7' >${R}/seven.nmconnection
      printf '%s\\n' 'u-5 dummy5' 'u-6 dummy6 removed' 'u-7 dummy7 removed' 'u-8 dummy8' >/run/netorch/nm`);
    const of = (interfaceName: string, isRemoved = false) => ({ interfaceName, isRemoved });
    expect((await host.observe()).persistence.profiles).toEqual({
      // eth4's is on disk what it was; seven was never there, and eight has been deleted.
      persistent: [of('eth1'), of('br0', true), of('bond0')],
      temporary: [of('dummy5'), of('dummy6', true)],
      by: 'x',
      isUnfinished: false,
    });
    await host.sh(`mkdir ${UNDO}; : >${UNDO}/pending`);
    expect((await host.observe()).persistence.profiles.isUnfinished).toBe(true);
  });
});
