import { expect, test } from 'vitest';

import { processorList } from '../../src/lab/machines.js';

test.each([
  ['0', [0]],
  ['0-3', [0, 1, 2, 3]],
  ['1,4-5,9', [1, 4, 5, 9]],
])('of the processors %s a machine of the lab gets one', (list, processors) => {
  const status = `Name:\tnode\nCpus_allowed:\tffff\nCpus_allowed_list:\t${list}\nMems_allowed:\t1\n`;
  expect(processorList(status)).toEqual(processors);
});
