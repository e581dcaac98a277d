import { spawn } from 'node:child_process';
import { NetorchError } from '../errors.js';
import { effectiveBecome } from './become.js';
import { runCommand } from './run-command.js';
import type { RunningCommand } from './run-command.js';
import type { ConnectionTarget, Transport } from './transport.js';

/** The controller itself as a host (`ansible_connection: local`): processes instead of channels. */
export function createLocalTransport(): Transport {
  return {
    async connect(target, { signal } = {}) {
      if (signal?.aborted === true) {
        throw new NetorchError('HOST_UNREACHABLE', `${target.host}: netorch stopped connecting`, {
          cause: signal.reason,
        });
      }
      const running = new Set<RunningCommand>();
      let isClosed = false;
      let markClosed: () => void = () => undefined;
      const closed = new Promise<void>((resolve) => {
        markClosed = resolve;
      });
      const close = () => {
        isClosed = true;
        for (const command of running) command.stop();
        markClosed();
      };

      return {
        // There is no key to present: the machine is the one that netorch runs on.
        hostKey: 'local',
        address: 'local',
        closed,
        close,
        exec: (command, options = {}) =>
          runCommand(
            {
              host: target.host,
              loginUser: target.user,
              become: effectiveBecome(target.become, target.user),
              start: async (text) => {
                if (isClosed) throw lost(target, 'netorch closed the connection');
                const started = startProcess(target, text, closed);
                running.add(started);
                void started.ended.catch(() => undefined).then(() => running.delete(started));
                return started;
              },
              onTimeout: close,
            },
            command,
            options,
          ),
      };
    },
  };
}

function startProcess(
  target: ConnectionTarget,
  command: string,
  closed: Promise<void>,
): RunningCommand {
  // Its own process group: Ctrl-C at the terminal is not meant for it, and `stop` ends all of it.
  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: 'pipe' });
  const ended = new Promise<{ code: number | undefined }>((resolve, reject) => {
    child.on('error', (error) => reject(lost(target, `/bin/sh does not start: ${error.message}`)));
    child.on('close', (code) => resolve({ code: code ?? undefined }));
    void closed.then(() => reject(lost(target, 'netorch closed the connection')));
  });
  ended.catch(() => undefined);
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    stop: () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      try {
        process.kill(-child.pid, 'SIGTERM');
      } catch {
        // It has ended in the meantime.
      }
    },
  };
}

function lost(target: ConnectionTarget, why: string): NetorchError {
  return new NetorchError('CONNECTION_LOST', `${target.host}: ${why}`);
}
