import { fc } from '../generated.js';
import { describe, expect, test } from 'vitest';
import { parseDocument } from '../../src/config/document.js';
import { renderTemplates } from '../../src/config/template.js';
import { NetorchError } from '../../src/errors.js';
import { failureOf } from './failure.js';

const variables = {
  vlan: 100,
  index: '3',
  ports: ['eth1', 'eth2'],
  storage: { vlan: 200, name: 'st' },
  flag: false,
  nothing: null,
  text: '{{ vlan }}-{{ storage.name }}',
  copy: '{{ ports }}',
  loop1: '{{ loop2 }}',
  loop2: ['{{ loop1 }}'],
  broken: '{{ vlann }}',
};

const render = (value: unknown) =>
  renderTemplates({ value, locate: () => ({ file: 'a', line: 1, column: 1 }) }, variables).value;

describe('an expression', () => {
  test.each<[string, unknown]>([
    ['plain', 'plain'],
    ['{{ vlan }}', 100],
    ['  {{ vlan }}\n', 100],
    ['{{ ports }}', ['eth1', 'eth2']],
    ['{{ storage }}', { vlan: 200, name: 'st' }],
    ['{{ flag }}', false],
    ['{{ nothing }}', null],
    ['bond0.{{ vlan }}', 'bond0.100'],
    ['{{ vlan }}{{ vlan }}', '100100'],
    ['{{ storage.vlan }}', 200],
    ["{{ storage['vlan'] }}", 200],
    ['{{ ports[1] }}', 'eth2'],
    ['{{ ports[-1] }}', 'eth2'],
    ['{{ text }}', '100-st'],
    ['{{ copy }}', ['eth1', 'eth2']],
    ['10.0.0.{{ index | plus: 10 }}', '10.0.0.13'],
    ['{{ vlan | times: 2 | minus: 1 }}', 199],
    ["{{ ports | join: ',' }}", 'eth1,eth2'],
    ['{{ ports | size }}', 2],
    ['{{ storage.name | upper }}', 'ST'],
    ['{{ index | int }}', 3],
    ['{{ vlan | string }}', '100'],
    ['{{ missing | default: 5 }}', 5],
    ['{{ missing | default: vlan }}', 100],
    ['{{ storage.missing | default: 5 }}', 5],
    ['{{ nothing | default: 5 }}', 5],
    ['{{ flag | default: true }}', false],
    ["{{ 'a}}b' }}", 'a}}b'],
    ['}} stays', '}} stays'],
  ])('%s', (text, value) => {
    expect(render(text)).toEqual(value);
  });

  test('is rendered in every text of the value, and nothing else changes', () => {
    expect(render({ a: ['{{ vlan }}', 1, null], b: { c: 'x{{ vlan }}' } })).toEqual({
      a: [100, 1, null],
      b: { c: 'x100' },
    });
  });
});

describe('is refused', () => {
  test.each<[string, string]>([
    ['{{ vlann }}', 'UNDEFINED_VARIABLE: variable "vlann" is not defined (did you mean "vlan"?)'],
    ['{{ storage.vlam }}', 'UNDEFINED_VARIABLE: "storage" has no "vlam" (did you mean "vlan"?)'],
    ['{{ ports[2] }}', 'UNDEFINED_VARIABLE: "ports" has no "2"'],
    ['{{ storage.constructor }}', 'UNDEFINED_VARIABLE: "storage" has no "constructor"'],
    ['{{ constructor }}', 'UNDEFINED_VARIABLE: variable "constructor" is not defined'],
    ['{{ vlan-1 }}', '"-" belongs to the name; to subtract: "vlan | minus: …"'],
    ['{{ missing | plus: 1 }}', 'UNDEFINED_VARIABLE: variable "missing"'],
    ['{{ vlan + 1 }}', 'arithmetic is done by filters: "| plus: 1"'],
    ['{{ vlan == 1 }}', 'comparisons are not there'],
    ["{{ 'a' if flag else 'b' }}", 'conditions are not there'],
    ['{{ vlan | default(1) }}', 'arguments of a filter follow a colon: "| default: …"'],
    ['{{ ports.index(1) }}', 'functions, methods and brackets are not there'],
    ['{{ [1, 2] }}', 'lists and maps are not written in expressions'],
    ['{{ text | ipaddr }}', 'unknown filter "ipaddr"'],
    ['{{ text | upcas }}', 'unknown filter "upcas" (did you mean "upcase"?)'],
    ["{{ 'now' | date: '%s' }}", 'unknown filter "date"'],
    ["{{ 'x' | plus: 1 }}", 'filter "plus" cannot be applied to "x"'],
    ["{{ 'x' | int }}", 'filter "int" cannot be applied to "x"'],
    ['{% if vlan %}x{% endif %}', 'only {{ }} expressions are rendered'],
    ['{# remark #}', 'use a YAML comment'],
    ['{{ vlan', '"{{" has no "}}"'],
    ['{{ }}', 'the expression is empty'],
    ['{{- vlan }}', '"{{-" is not read here'],
    ['x{{ ports }}', 'a list cannot be put into a text'],
    ['{{ loop1 }}', 'variable "loop1" refers to itself: loop1 → loop2 → loop1'],
  ])('%s', (text, message) => {
    expect(failureOf(() => render(text)).join('\n')).toContain(message);
  });

  test('an expression in a key', () => {
    expect(failureOf(() => render({ '{{ vlan }}': 1 }))[0]).toContain('in values, not in keys');
  });

  test('a text that grows without end', () => {
    const grown: Record<string, string> = { a0: 'x'.repeat(64) };
    for (let i = 1; i < 40; i += 1) grown[`a${i}`] = `{{ a${i - 1} }}{{ a${i - 1} }}`;
    const text = { value: '{{ a39 }}', locate: () => ({ file: 'a', line: 1, column: 1 }) };
    expect(failureOf(() => renderTemplates(text, grown))[0]).toContain('becomes longer than');
  });
});

test('a mistake is told where it was written: in the text, or in the variable it uses', () => {
  const text = parseDocument('plan.yml', 'a:\n  - x\n  - "{{ outer }}"\nb: "{{ nope }}"');
  const vars = parseDocument('vars.yml', 'x: 1\nouter: "{{ inner }}"');
  const values = vars.value as Record<string, unknown>;
  expect(failureOf(() => renderTemplates(text, values, vars.locate))[0]).toMatch(/^vars\.yml:2:1 /);
  expect(failureOf(() => renderTemplates(text, values))[0]).toMatch(/^plan\.yml:3:5 /);
  expect(failureOf(() => renderTemplates(text, { outer: 1 }))[0]).toMatch(/^plan\.yml:4:1 /);
});

test('the places of the result are those of the input', () => {
  const text = parseDocument('plan.yml', 'a: 1\nports: "{{ ports }}"');
  const rendered = renderTemplates(text, variables);
  expect(rendered.locate(['ports', 1])).toEqual({ file: 'plan.yml', line: 2, column: 1 });
});

test('whatever the text, the result is a value or an error for the user', () => {
  const token = fc.constantFrom(
    '{{',
    '}}',
    ' ',
    'vlan',
    'storage',
    '.',
    '[',
    ']',
    "'",
    '"',
    '|',
    'plus',
    ':',
    ',',
    '1',
    '-',
    'default',
    'join',
    'slice',
    'missing',
    '(',
    ')',
    '{%',
    '%}',
    'map',
    'where',
    'sort',
    'ports',
    'sum',
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 14 }), (parts) => {
      try {
        expect(render(`{{ ${parts.join('')} }}`)).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(NetorchError);
      }
    }),
    { numRuns: 1000 },
  );
});
