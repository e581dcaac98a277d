/** Draws a topology as SVG; the page's style sheet has the colours. */
import type { Html } from './html.js';
import { markup } from './html.js';
import { truncateText } from './text-width.js';
import type { Topology, TopologyBox } from './topology.js';
import { BOX_WIDTH } from './topology.js';

/** Characters of the two sizes of type that fit into a box. */
const NAME_CELLS = 16;
const LINE_CELLS = 26;

export function topologySvg(topology: Topology, title: string): Html {
  const { width, height, boxes, edges, others } = topology;
  const byName = new Map(boxes.map((box) => [box.name, box]));
  const note = others === 0 ? 0 : 20;
  return markup`<svg
    class="topology"
    role="img"
    aria-label="${title}"
    viewBox="0 0 ${width} ${height + note}"
    width="${width}"
    height="${height + note}"
  >
    <title>${title}</title>
    ${edges.map(({ from, to }) => edge(byName.get(from), byName.get(to)))} ${boxes.map(boxSvg)}
    ${
      others === 0
        ? undefined
        : markup`<text class="note" x="8" y="${height + 14}">${others} more, untouched</text>`
    }
  </svg>`;
}

function edge(from: TopologyBox | undefined, to: TopologyBox | undefined): Html {
  if (from === undefined || to === undefined) return markup``;
  const [x1, y1] = [from.x + BOX_WIDTH, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return markup`<path
    class="edge"
    d="M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}"
  />`;
}

const MARKS: Readonly<Record<TopologyBox['mark'], string>> = {
  same: '',
  changed: 'changed',
  gone: 'removed',
  new: 'new',
};

function boxSvg(box: TopologyBox): Html {
  const { x, y, height, name, lines, mark, up } = box;
  return markup`<g class="box ${mark}${up ? '' : ' down'}">
    <title>${name}: ${lines.join('; ')}</title>
    <rect x="${x}" y="${y}" width="${BOX_WIDTH}" height="${height}" rx="5" />
    <text class="name" x="${x + 8}" y="${y + 17}">${truncateText(name, NAME_CELLS, '…')}</text>
    ${
      mark === 'same'
        ? undefined
        : markup`<text class="mark" x="${x + BOX_WIDTH - 6}" y="${y + 17}">${MARKS[mark]}</text>`
    }
    ${lines.map(
      (line, index) =>
        markup`<text x="${x + 8}" y="${y + 34 + index * 15}"
          >${truncateText(line, LINE_CELLS, '…')}</text
        >`,
    )}
  </g>`;
}
