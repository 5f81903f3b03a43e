#include "report/style.h"

namespace camber::report {

const std::string_view style = R"css(
:root {
  --page: #f5f6f8; --card: #fff; --ink: #1a2130; --soft: #5b6577; --faint: #8a93a3; --edge: #e3e6ec;
  --grid: #edeff3;
  --right: #0b62a8; --wrong: #c2410c; --on-strong: #fff; --chip: #eef1f6;
  --good: #11734f; --good-back: #e0f4ea; --busy: #7a5200; --busy-back: #fdf0d5; --bad: #a01c2b; --bad-back: #fde6e8;
  --c0: #0072b2; --c1: #d98200; --c2: #009e73; --c3: #cc79a7; --c4: #4f5fc4; --c5: #a5542a; --c6: #5a6472;
  --c7: #8f7a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f131a; --card: #171c25; --ink: #e7eaf0; --soft: #a4adbc; --faint: #7c8696; --edge: #2a313d;
    --grid: #232a35;
    --right: #62b4ee; --wrong: #ff9a5c; --on-strong: #10151d; --chip: #222936;
    --good: #6fdcae; --good-back: #14352a; --busy: #f4c76a; --busy-back: #3a2d10; --bad: #ff9aa5;
    --bad-back: #431b22;
    --c0: #56b4e9; --c1: #f0a830; --c2: #2cc79b; --c3: #e59ac4; --c4: #98a5ff; --c5: #e0946a; --c6: #a9b3c1;
    --c7: #e3d34a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans",
    sans-serif;
  font-variant-numeric: tabular-nums;
}
main { max-width: 1240px; margin: 0 auto; padding: 28px 20px 8px; }
footer { max-width: 1240px; margin: 0 auto; padding: 8px 20px 32px; color: var(--faint); font-size: 13px; }
h1 { font-size: 26px; line-height: 1.2; letter-spacing: -.015em; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 18px; letter-spacing: -.01em; margin: 40px 0 14px; }
h3 { font-size: 14px; margin: 0 0 10px; }
p { margin: 0 0 12px; }
code, .path { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: .92em; overflow-wrap: anywhere; }
.note { color: var(--soft); font-size: 13px; margin: 10px 0 0; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 18px 20px;
  min-width: 0; }
.scroll { overflow-x: auto; }

header .line { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 14px; }
header .about { color: var(--soft); margin: 8px 0 0; overflow-wrap: anywhere; }
.state { font-size: 13px; font-weight: 600; padding: 2px 11px; border-radius: 99px; background: var(--chip);
  color: var(--soft); }
.state.finished, .state.stopped { background: var(--good-back); color: var(--good); }
.state.running { background: var(--busy-back); color: var(--busy); }
.state.failed, .state.interrupted { background: var(--bad-back); color: var(--bad); }
.warning { background: var(--busy-back); color: var(--busy); border-radius: 10px; padding: 12px 16px;
  margin: 18px 0 0; }
.warning ul { margin: 4px 0 0; padding-left: 20px; }

.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(158px, 1fr)); gap: 12px; margin: 24px 0 0; }
.tile { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 14px 16px;
  min-width: 0; }
.tile span { display: block; color: var(--soft); font-size: 13px; }
.tile b { display: block; font-size: 22px; line-height: 1.3; font-weight: 650; letter-spacing: -.02em;
  white-space: nowrap; }
.tile small { display: block; color: var(--faint); font-size: 12.5px; overflow-wrap: anywhere; }
.tile.first { border-color: var(--right); box-shadow: inset 3px 0 0 var(--right); }

.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(350px, 100%), 1fr)); gap: 14px; }
.chart { margin: 0; background: var(--card); border: 1px solid var(--edge); border-radius: 12px;
  padding: 14px 12px 8px; min-width: 0; }
.chart figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline;
  gap: 2px 12px; padding: 0 6px 6px; font-size: 14px; }
.chart figcaption small { color: var(--faint); font-weight: 400; font-size: 12.5px; }
.legend { display: flex; flex-wrap: wrap; gap: 0 12px; font-size: 12.5px; color: var(--soft); }
.item { display: inline-flex; align-items: center; gap: 5px; min-width: 0; overflow-wrap: anywhere; }
.item i { flex: none; width: 14px; height: 3px; border-radius: 2px; background: var(--s); }
.item.dashed i { background: repeating-linear-gradient(90deg, var(--s) 0 4px, transparent 4px 6px); }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
.s0 { --s: var(--c0); } .s1 { --s: var(--c1); } .s2 { --s: var(--c2); } .s3 { --s: var(--c3); }
.s4 { --s: var(--c4); } .s5 { --s: var(--c5); } .s6 { --s: var(--c6); } .s7 { --s: var(--c7); }
.grid { stroke: var(--grid); } .base { stroke: var(--edge); } .division { stroke: var(--faint);
  stroke-dasharray: 2 3; }
.tick, .axis-label { font-size: 11.5px; fill: var(--soft); } .tick-y { text-anchor: end; }
.tick-x, .axis-label { text-anchor: middle; }
.axis-label { fill: var(--faint); }
path.line { fill: none; stroke: var(--s); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
path.dashed { stroke-dasharray: 5 4; stroke-width: 1.7; }
.dot, .column, .key { fill: var(--s); }
.hit { fill: transparent; } .shown { visibility: hidden; pointer-events: none; }
.at:hover .shown { visibility: visible; }
.rule { stroke: var(--faint); } .tip { fill: var(--card); stroke: var(--edge); rx: 5px; }
.tip-text { font-size: 11.5px; fill: var(--ink); } .tip-head { fill: var(--soft); }

.pairs { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 6px 22px; margin: 0; }
.pairs dt { color: var(--soft); } .pairs dd { margin: 0; overflow-wrap: anywhere; }

table { border-collapse: collapse; width: 100%; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; white-space: nowrap; }
th, td { padding: 5px 12px 5px 0; border-bottom: 1px solid var(--grid); vertical-align: middle; }
tr:last-child td { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
td.number, th.number { text-align: right; white-space: nowrap; }
td.wide { width: 99%; min-width: 90px; }
tfoot td { font-weight: 600; border-top: 1px solid var(--edge); }
tbody tr:hover { background: color-mix(in srgb, var(--chip) 55%, transparent); }
.swatch { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 8px;
  vertical-align: -1px; border: 1px solid color-mix(in srgb, var(--ink) 22%, transparent); }
.bar { display: flex; align-items: center; height: 12px; border-radius: 3px; background: var(--grid);
  overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--right); border-radius: 3px; }
.bar-wrong i { background: var(--wrong); }
.name { min-width: 8.5em; overflow-wrap: break-word; } .best { font-weight: 650; color: var(--right); }
.key { display: inline-block; flex: none; width: 11px; height: 11px; border-radius: 3px; background: var(--s);
  margin-right: 8px; }

.beside { display: grid; grid-template-columns: minmax(0, 1.55fr) minmax(0, 1fr); gap: 14px; align-items: start; }
.matrix svg { min-width: 460px; max-width: 720px; margin: 0 auto; }
.matrix .label { font-size: 13px; fill: var(--ink); } .matrix .label-row { text-anchor: end; }
.matrix .right { fill: var(--right); } .matrix .wrong { fill: var(--wrong); }
.matrix .cell rect { stroke: var(--grid); } .matrix .empty rect { fill: var(--grid); fill-opacity: .5; }
.matrix .cell:hover rect { stroke: var(--ink); stroke-width: 1.5; }
.matrix .share { font-size: 13px; text-anchor: middle; fill: var(--ink); pointer-events: none; }
.matrix .share-strong { fill: var(--on-strong); }
.confusions td { font-size: 14px; } .pair { white-space: nowrap; } .arrow { color: var(--faint); }
.confusions .wide { min-width: 40px; }

.frames { display: grid; gap: 14px; }
.frame h3 { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 2px 16px; font-weight: 600;
  overflow-wrap: anywhere; }
.frame h3 span { font-weight: 400; color: var(--soft); }
.panels { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 10px; }
.panels figure { margin: 0; } .panels img { display: block; width: 100%; height: auto; border-radius: 6px;
  background: var(--grid); }
.panels figcaption { font-size: 12.5px; color: var(--soft); margin-top: 4px; }
.colours { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 13px; color: var(--soft); margin: 0 0 14px; }
.mark { background: #e81c79; } .dim { background: #555; }

.split { display: flex; height: 22px; border-radius: 6px; overflow: hidden; background: var(--grid);
  margin: 0 0 12px; gap: 1px; }
.split i { display: block; background: var(--s); }
details { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; margin: 0 0 12px; }
summary { cursor: pointer; padding: 13px 20px; font-weight: 600; } summary small { font-weight: 400;
  color: var(--soft); margin-left: 8px; font-size: 13px; }
details > div { padding: 2px 20px 16px; } details table { font-size: 13.5px; }
a { color: var(--right); }

@media (max-width: 900px) { .beside { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 620px) {
  main { padding: 20px 14px 4px; } footer { padding: 4px 14px 24px; } h1 { font-size: 22px; }
  h2 { margin: 32px 0 12px; }
  .card { padding: 14px; } .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; }
  .tile { padding: 11px 12px; } .tile b { font-size: 20px; }
  .pairs { grid-template-columns: minmax(0, 1fr); gap: 0; } .pairs dd { margin-bottom: 9px; }
  .tile.first { grid-column: 1 / -1; } .name { min-width: 7em; }
  .panels { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .scores .share { display: none; } .scores .wide { min-width: 36px; }
  .scores tbody .name { min-width: 7em; font-size: 12px; position: relative; padding-left: 13px; }
  .scores td, .scores th { padding-right: 7px; font-size: 12.5px; } .scores th { font-size: 11.5px; }
  .scores td:last-child, .scores th:last-child { padding-right: 0; }
  .scores .swatch { width: 9px; height: 9px; margin: -5px 0 0; position: absolute; left: 0; top: 50%; }
  summary { padding: 12px 14px; } details > div { padding: 2px 14px 14px; }
}
)css";

}  // namespace camber::report
