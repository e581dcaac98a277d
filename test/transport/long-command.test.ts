/** A command that lives as long as its connection: fed piece by piece, heard line by line, and gone when this end is. */
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { RUN_AND_LISTEN } from '../../src/agents/bundle.js';
import { monitorScript } from '../../src/agents/monitor-script.js';
import { createOpensshTransport } from '../../src/transport/openssh-transport.js';
import { createSsh2Transport } from '../../src/transport/ssh2-transport.js';
import type { Connection } from '../../src/transport/transport.js';
import { describeWithSshd, rejection, startSshd } from './sshd-fixture.js';
import type { Sshd } from './sshd-fixture.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const env = { PATH: process.env['PATH'], HOME: '/nonexistent' };
const TRANSPORTS = {
  ssh2: createSsh2Transport({ env }),
  openssh: createOpensshTransport({ env }),
};
const SHELLS = { dash: '/usr/bin/dash', 'busybox ash': '/usr/bin/busybox', bash: '/usr/bin/bash' };

/** Pieces to be sent when a test says so. */
function feed() {
  let wake: () => void = () => undefined;
  const pieces: string[] = [];
  let isOver = false;
  return {
    send: (piece: string) => {
      pieces.push(piece);
      wake();
    },
    end: () => {
      isOver = true;
      wake();
    },
    pieces: (async function* () {
      for (;;) {
        const piece = pieces.shift();
        if (piece !== undefined) yield piece;
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    })(),
  };
}

/** Command lines of this machine's processes that have the word in their environment. */
function marked(mark: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
        if (!environment.includes(`NETORCH_TEST=${mark}\0`)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

async function nothingLeft(mark: string): Promise<void> {
  await expect.poll(() => marked(mark), { timeout: 30_000 }).toEqual([]);
}

describeWithSshd('a command that lives as long as its connection', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(async () => {
    await sshd.stop();
  });

  describe.each(Object.entries(TRANSPORTS))('over %s', (transportName, transport) => {
    test('is fed as it goes, is heard line by line, and nothing of it is kept', async () => {
      const connection = await transport.connect(sshd.target());
      const { send, end, pieces } = feed();
      const heard: string[] = [];
      const result = await connection.exec('cat; echo end >&2; exit 3', {
        input: 'first\n',
        moreInput: pieces,
        onlyLines: true,
        timeoutMs: Infinity,
        onLine: (line) => {
          heard.push(line);
          if (line === 'first') send('sec');
          if (line === 'first') send('ond\n');
          if (line === 'second') end();
        },
      });
      expect(heard).toEqual(['first', 'second']);
      expect(result).toEqual({ code: 3, stdout: '', stderr: 'end\n' });
      connection.close();
      await connection.closed;
    });

    test('goes on beyond what a command may print', async () => {
      const connection = await transport.connect(sshd.target());
      let lines = 0;
      let longest = 0;
      const { code } = await connection.exec(
        "head -c 80000000 /dev/zero | tr '\\0' x; echo; yes | head -n 100000",
        {
          onlyLines: true,
          onLine: (line) => {
            lines += 1;
            longest = Math.max(longest, line.length);
          },
        },
      );
      expect([code, lines, longest]).toEqual([0, 100_001, 64 * 1024]);
      connection.close();
      await connection.closed;
    });

    describe.each(Object.entries(SHELLS))('the monitor under %s', (shell, program) => {
      const unlessMissing = existsSync(program) ? test : test.skip;
      const mark = `${transportName}-${shell.replace(' ', '-')}`;

      /** Until it says that it watches. */
      async function watch(connection: Connection, leaseSeconds?: number) {
        const bin = join(sshd.folder, mark);
        if (!existsSync(bin)) {
          mkdirSync(bin);
          symlinkSync(program, join(bin, 'sh'));
        }
        const { end, pieces } = feed();
        const heard: string[] = [];
        let exec: ReturnType<Connection['exec']> | undefined;
        await new Promise<void>((resolve, reject) => {
          exec = connection.exec(
            `export NETORCH_TEST=${mark} PATH=${bin}:/usr/sbin:/usr/bin:/sbin:/bin; ${RUN_AND_LISTEN}`,
            {
              input: monitorScript(leaseSeconds),
              moreInput: pieces,
              onlyLines: true,
              timeoutMs: Infinity,
              onLine: (line) => {
                heard.push(line);
                if (line === '@watching') resolve();
              },
            },
          );
          exec.then(
            ({ stderr }) => reject(new Error(`it ended: ${stderr}`)),
            (error: unknown) => reject(error instanceof Error ? error : new Error(String(error))),
          );
        });
        return { end, heard, ended: exec! };
      }

      unlessMissing('tells what the host is, and ends with its input', async () => {
        const connection = await transport.connect(sshd.target());
        const { end, heard, ended } = await watch(connection);
        expect(heard.slice(0, 2)).toEqual(['@links', expect.stringMatching(/^1: lo: </)]);
        expect(heard).toContainEqual(expect.stringMatching(/^1: lo +inet 127\.0\.0\.1\/8 /));
        expect(marked(mark)).toContainEqual(expect.stringContaining('monitor label link'));
        end();
        expect(await ended).toMatchObject({ code: 0 });
        await nothingLeft(mark);
        connection.close();
      });

      unlessMissing('leaves nothing running when the connection is cut', async () => {
        const connection = await transport.connect(sshd.target());
        const { ended } = await watch(connection);
        expect(marked(mark)).not.toEqual([]);
        connection.close();
        expect((await rejection(ended)).code).toBe('CONNECTION_LOST');
        await nothingLeft(mark);
      });

      unlessMissing('ends by itself when nobody says a word any more', async () => {
        const connection = await transport.connect(sshd.target());
        const { ended } = await watch(connection, 1);
        expect(await ended).toMatchObject({ code: 0 });
        await nothingLeft(mark);
        connection.close();
      });
    });
  });
});
