/** The style of the page of a model's attention, beside that of a run's page. */

export const attentionStyle = `
body { max-width: 1040px; }
button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 6px; cursor: pointer; }
button:hover { border-color: var(--quiet); }
#thumbnails { display: grid; grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)); gap: 8px; }
.thumbnail { padding: 4px; font-size: 0.75rem; }
.thumbnail canvas { display: block; width: 100%; height: auto; aspect-ratio: 1; image-rendering: pixelated; border-radius: 3px; }
.thumbnail[aria-pressed="true"] { border-color: var(--train); outline: 2px solid var(--train); }
.bar-of-tools { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin: 12px 0 8px; }
.bar-of-tools button { padding: 2px 12px; }
.bar-of-tools b { margin-right: auto; }
#reading, #pair { min-height: 1.55em; font-variant-numeric: tabular-nums; }
.scroll { max-height: 84vh; overflow: auto; }
#large { display: grid; grid-template-columns: auto 1fr; width: max-content; padding: 4px; }
#large canvas { grid-column: 2; image-rendering: pixelated; cursor: crosshair; border: 1px solid var(--line); box-sizing: content-box; }
.axis { display: flex; font: 600 calc(var(--cell) * 0.8)/1 ui-monospace, Menlo, Consolas, monospace; }
.axis i { font-style: normal; width: var(--cell); height: var(--cell); text-align: center; flex: none; }
.axis.top { grid-column: 2; margin-left: 1px; }
.axis.left { grid-column: 1; grid-row: 2; flex-direction: column; margin-top: 1px; padding-right: 3px; }
.axis.top { position: sticky; top: 0; background: var(--page); }
.axis.left { position: sticky; left: 0; background: var(--page); }
.unlettered .axis { display: none; }
.pieces .axis { font-size: min(13px, calc(var(--cell) * 0.8)); }
.pieces .axis i { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.pieces .axis.left i { width: auto; max-width: 9em; text-align: right; line-height: var(--cell); }
.pieces .axis.top i { height: auto; max-height: 9em; padding-top: 4px; writing-mode: vertical-rl; transform: rotate(180deg); line-height: var(--cell); text-align: left; }
#letters.pieces { gap: 4px; }
#letters.pieces button { width: auto; max-width: 16em; padding: 0 6px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.around { color: var(--quiet); }
.piece { fill: currentColor; font: 12px ui-monospace, Menlo, Consolas, monospace; }
#letters { display: flex; flex-wrap: wrap; margin: 8px 0; }
#letters button { width: 1.5rem; height: 1.7rem; border: 0; border-radius: 4px; background: none; font: 600 0.9rem/1 ui-monospace, Menlo, Consolas, monospace; padding: 0; }
#letters button:hover { background: var(--line); }
#letters button[aria-pressed="true"] { background: var(--text); color: var(--page); }
#arcs { width: 100%; height: auto; display: block; }
.arc { fill: none; stroke: currentColor; }
.bar { fill: currentColor; }
.line { stroke: var(--line); }
.dot { fill: var(--text); }
.scale { display: grid; grid-template-columns: minmax(160px, 260px) 1fr; gap: 2px 14px; font-size: 0.8rem; color: var(--quiet); align-items: center; margin: 8px 0 12px; }
.scale .ramp { height: 12px; border: 1px solid var(--line); border-radius: 3px; }
.scale .ticks { position: relative; height: 1.4em; grid-column: 1; }
.scale .ticks span { position: absolute; transform: translateX(-50%); }
#matrices { display: flex; flex-wrap: wrap; gap: 16px 32px; }
#matrices figcaption { font-weight: 600; margin-bottom: 6px; }
.matrix { display: grid; grid-template-columns: repeat(var(--count), 20px); grid-auto-rows: 20px; font: 600 0.8rem/20px ui-monospace, Menlo, Consolas, monospace; text-align: center; }
.matrix i { font-style: normal; }
.matrix b { background: var(--line); }
.matrix b:hover { outline: 2px solid var(--text); }
#matrices { margin-bottom: 20px; }
.figures { margin-bottom: 16px; }
.figures td, .figures th { padding-top: 4px; padding-bottom: 4px; }
@media (max-width: 560px) { .matrix { grid-template-columns: repeat(var(--count), 15px); grid-auto-rows: 15px; font-size: 0.7rem; line-height: 15px; } }
`;
