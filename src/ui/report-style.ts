/** The style sheet of the HTML report: light and dark, screen and paper. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --faint: #66707e; --page: #fff; --panel: #f4f6f8;
  --line: #cfd6de; --good: #197a3e; --warn: #a35b00; --bad: #b3261e; --look: #b8c2cd; --change: #3b73c5;
  --reach: #d59a1c; --prove: #2f9e74; --back: #c4572f; --away: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ef; --faint: #9aa5b1; --page: #14181d; --panel: #1d2329; --line: #3a444f;
    --good: #5cc98a; --warn: #e0a14a; --bad: #f2796f; --look: #55606c; --change: #5c92e0; --reach: #d9a83c;
    --prove: #48b88c; --back: #dd7a52; --away: #f2796f; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
h3 { margin: .8rem 0 .2rem; font-size: .95rem; }
.alike { margin: .1rem 0 .5rem 1.2rem; font-size: .93em; }
code { font: .95em ui-monospace, monospace; } p { margin: .3rem 0; } a { color: inherit; }
.faint, .note, footer { color: var(--faint); } .warning { color: var(--warn); }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; list-style: none; padding: 0; margin: .8rem 0; }
.counts li { padding: .25rem .7rem; border: 1px solid currentColor; border-radius: 1rem; }
.confirmed { color: var(--good); } .unchanged, .skipped { color: var(--faint); }
.rolled-back, .confirmed-not-persistent, .unknown { color: var(--warn); } .failed, .lost { color: var(--bad); }
details { border: 1px solid var(--line); border-radius: 6px; padding: .4rem .8rem; margin: .5rem 0;
  background: var(--panel); }
summary { cursor: pointer; } .cause { font-weight: 600; }
ul.evidence, ul.changes, ul.hazards, ul.probes { margin: .2rem 0; padding-left: 1.2rem; font-size: .93em; }
ul.changes { font-family: ui-monospace, monospace; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; margin: .6rem 0; }
figure { margin: 0; min-width: 0; max-width: 100%; } figcaption { color: var(--faint); font-size: .9em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88em; margin: .5rem 0; }
td, th { text-align: left; padding: .15rem .7rem .15rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
details.values { background: none; }
svg { display: block; } svg text { font: 11px ui-monospace, monospace; fill: var(--ink); }
.topology .name { font-weight: 700; font-size: 13px; }
.topology rect { fill: var(--page); stroke: var(--line); stroke-width: 1.2; }
.topology .edge { fill: none; stroke: var(--faint); stroke-width: 1.3; }
.topology .mark { font-size: 9.5px; text-anchor: end; } .topology .note { fill: var(--faint); }
.box.down rect { stroke-dasharray: 4 3; }
.box.new rect { stroke: var(--good); stroke-width: 2; } .box.new .mark { fill: var(--good); }
.box.gone rect { stroke: var(--bad); stroke-width: 2; } .box.gone .mark { fill: var(--bad); }
.box.changed rect { stroke: var(--warn); stroke-width: 2; } .box.changed .mark { fill: var(--warn); }
.timeline .wave { font-weight: 700; } .timeline .rule, .timeline path.tick { stroke: var(--line); stroke-width: 1; }
.timeline text.tick { fill: var(--faint); font-size: 10px; } .timeline .span { fill: var(--faint); }
.timeline .deadline { stroke: var(--ink); stroke-width: 1.5; }
.timeline .outcome.confirmed { fill: var(--good); } .timeline .outcome.failed, .timeline .outcome.lost { fill: var(--bad); }
.timeline .outcome.rolled-back, .timeline .outcome.confirmed-not-persistent, .timeline .outcome.unknown { fill: var(--warn); }
.timeline .outcome.unchanged, .timeline .outcome.skipped { fill: var(--faint); }
.look { fill: var(--look); background: var(--look); } .change { fill: var(--change); background: var(--change); }
.reach { fill: var(--reach); background: var(--reach); } .prove { fill: var(--prove); background: var(--prove); }
.back { fill: var(--back); background: var(--back); } .away { fill: var(--away); background: var(--away); }
.legend { color: var(--faint); font-size: .88em; }
.legend i { display: inline-block; width: 1.1em; height: .7em; margin: 0 .3em 0 .9em; }
.legend i.away { height: .25em; vertical-align: middle; } .legend i.deadline { width: 2px; background: var(--ink); }
@media print { body { max-width: none; } details { break-inside: avoid; } }
`;
