/**
 * Generated cases, the same ones in every run, so that a suite that passed does not fail by itself.
 * `NETORCH_SEED=N` tries others; fast-check prints the seed of what failed.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['NETORCH_SEED'] ?? 2) });

export { fc };
