/** The page's style: light and dark from the reader's settings, one column that fits a phone. */

export const reportStyle = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --text: #1c1e21; --quiet: #62676e; --line: #e3e4e6;
  --train: #2563c9; --valid: #c2570c; --baseline: #6b7078; --rate: #0f8a6a; --good: #0f7a4f;
  --hydrophobic: #a35a00; --polar: #0a7f56; --acidic: #c81e3a; --basic: #1d5fd0; --special: #8a3fc4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --card: #1c1f24; --text: #e8e9eb; --quiet: #9aa1ab; --line: #32363d;
    --train: #6ea8ff; --valid: #ff9f5a; --baseline: #a5abb5; --rate: #4fd1a5; --good: #5cd39b;
    --hydrophobic: #f0b04f; --polar: #52d6a0; --acidic: #ff7b8d; --basic: #7db0ff; --special: #cf9bff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 800px; padding: 24px 16px 64px; background: var(--page); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; -webkit-text-size-adjust: 100%;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 40px 0 12px; }
h3 { font-size: 0.95rem; margin: 0; overflow-wrap: anywhere; }
p { margin: 8px 0; overflow-wrap: anywhere; }
.note, .created { color: var(--quiet); font-size: 0.875rem; }
.created { margin: 0 0 16px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: 8px; margin: 20px 0 8px; }
.facts div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
.facts dt { color: var(--quiet); font-size: 0.8rem; white-space: nowrap; }
.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 12px 8px 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: baseline; }
th:first-child { text-align: left; font-weight: 400; }
thead th { color: var(--quiet); font-weight: 600; font-size: 0.875rem; }
th:last-child, td:last-child { padding-right: 0; }
td small { display: block; white-space: nowrap; color: var(--quiet); font-size: 0.8rem; }
td b { font-weight: 600; }
td b.better { color: var(--good); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; padding: 0; margin: 8px 0; font-size: 0.875rem; }
.swatch { display: inline-block; width: 22px; height: 0; border-top: 3px solid; vertical-align: middle; margin-right: 4px; }
.swatch.train { border-color: var(--train); }
.swatch.valid { border-color: var(--valid); }
.swatch.baseline { border-color: var(--baseline); border-top-style: dashed; border-top-width: 2px; }
.chart svg { display: block; width: 100%; height: auto; color: var(--text); overflow: visible; }
.chart .narrow { display: none; }
@media (max-width: 560px) {
  th, td { padding-right: 10px; }
  th:first-child { font-size: 0.9rem; line-height: 1.35; }
  .chart .wide { display: none; }
  .chart .narrow { display: block; }
}
.sample { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; margin: 12px 0; }
.sample .note { margin: 0 0 8px; }
.sequence, .residue, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.residue { margin-right: 6px; }
.sequence { font-size: 0.95rem; line-height: 1.7; margin: 0; }
.sequence span { display: inline-block; margin-right: 1ch; }
.sequence i { font-style: normal; }
.text { white-space: pre-wrap; margin: 0; }
.text i { font-style: normal; }
.pictures { display: flex; flex-wrap: wrap; gap: 16px; }
figure { margin: 0; }
figure img { width: 168px; height: auto; image-rendering: pixelated; border: 1px solid var(--line); display: block; }
.prompt { text-decoration: underline; text-underline-offset: 4px; text-decoration-thickness: 2px; }
.hydrophobic { color: var(--hydrophobic); }
.polar { color: var(--polar); }
.acidic { color: var(--acidic); }
.basic { color: var(--basic); }
.special { color: var(--special); }
details { border: 1px solid var(--line); border-radius: 8px; background: var(--card); padding: 10px 14px; margin-top: 40px; }
summary { cursor: pointer; font-weight: 600; }
pre { overflow-x: auto; font-size: 0.85rem; line-height: 1.45; margin: 12px 0 4px; }
@media print { body { max-width: none; } .sample { break-inside: avoid; } }
`;
