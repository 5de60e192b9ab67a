#!/usr/bin/env bash
# Opens a report in a real headless browser without a network, at the size of a phone and of a screen.
# usage: .ci/report-check.sh REPORT.html [DIRECTORY FOR SCREENSHOTS]
set -euo pipefail

report=${1:?usage: $0 REPORT.html [DIRECTORY FOR SCREENSHOTS]}
shots=${2:-}
sizes="390 1280"

[ -f "$report" ] || { echo "$report: no such file" >&2; exit 2; }
browser=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || { echo "no chromium here: sudo apt-get update && sudo apt-get install -y chromium" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --user-data-dir is ours: nothing of the user's is read or written. The resolver finds no host.
open() {
  timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
    --host-resolver-rules="MAP * ~NOTFOUND" --user-data-dir="$work/profile" --hide-scrollbars "$@"
}

# 1. As it is: no message on the console (a refused load or a broken policy would be one).
open --enable-logging=stderr --log-level=0 --dump-dom "file://$(realpath "$report")" >"$work/dom.html" 2>"$work/log"
grep -q '</html>' "$work/dom.html" || { echo "the report does not open" >&2; tail -5 "$work/log" >&2; exit 1; }
if grep 'CONSOLE' "$work/log"; then echo "the console has messages" >&2; exit 1; fi

# 2. A copy that measures itself: the report runs no script, so the copy loses its policy and gains one.
sed 's/<meta http-equiv="Content-Security-Policy"[^>]*>//' "$report" >"$work/copy.html"
cat >>"$work/copy.html" <<'PROBE'
<script>
addEventListener("load", () => {
  const page = document.documentElement;
  const seen = selector => [...document.querySelectorAll(selector)].filter(one => one.getClientRects().length);
  const within = one => { const box = one.getBoundingClientRect(); return box.left >= 0 && box.right <= page.clientWidth + 1; };
  document.querySelectorAll("details").forEach(one => one.open = true);
  const facts = {
    width: page.clientWidth,
    overflow: page.scrollWidth > page.clientWidth,
    outside: seen("body section, body details, .card, .scroll, svg.chart").filter(one => !within(one)).length,
    charts: seen("svg.chart").length,
    empty: seen(".none").length,
    cards: seen(".card").length,
    tables: seen(".scroll table").length,
    tiny: seen("svg.chart text").filter(one => one.getBoundingClientRect().height < 9).length,
    loaded: performance.getEntriesByType("resource").length,
    scripts: document.scripts.length - 1,
    verdict: seen("#verdict .good, #verdict .bad").length,
  };
  parent.postMessage(JSON.stringify(facts), "*");
});
</script>
PROBE

frames=""
for size in $sizes; do frames="$frames<iframe src='copy.html' style='width:${size}px;height:900px;border:0'></iframe>"; done
cat >"$work/wrapper.html" <<WRAPPER
<!DOCTYPE html><meta charset="utf-8"><title>check</title><body style="margin:0">
<script>addEventListener("message", event => {
  const line = document.createElement("p"); line.textContent = "FACTS " + event.data; document.body.append(line);
});</script>$frames
WRAPPER
open --window-size=1400,2000 --virtual-time-budget=10000 --dump-dom "file://$work/wrapper.html" >"$work/facts.html" 2>>"$work/log"

python3 - "$work/facts.html" $sizes <<'JUDGE'
import html, json, re, sys

path, sizes = sys.argv[1], [int(size) for size in sys.argv[2:]]
found = [json.loads(html.unescape(line)) for line in re.findall(r"FACTS (\{.*?\})<", open(path, encoding="utf-8").read())]
wrong = []
for size in sizes:
    facts = next((facts for facts in found if facts["width"] == size), None)
    print(f"{size} px: {facts}")
    if facts is None:
        wrong.append(f"{size} px: the report did not answer")
        continue
    # Price, equity and timeline, and positions, orders, fills and decisions; each may say that it is empty.
    rules = {
        "scrolls sideways": facts["overflow"],
        "reaches over the edge": facts["outside"] > 0,
        "lacks a verdict": facts["verdict"] < 1,
        "lacks key figures": facts["cards"] < 8,
        "lacks charts": facts["charts"] < 1 or facts["charts"] + facts["empty"] < 3,
        "shows the charts of two sizes": facts["charts"] > 3,
        "lacks tables": facts["tables"] + facts["empty"] < 4,
        "has text too small to read": facts["tiny"] > 0,
        "loads something": facts["loaded"] > 0,
        "runs a script": facts["scripts"] > 0,
    }
    wrong += [f"{size} px: the report {what}" for what, broken in rules.items() if broken]
print("\n".join(wrong) or "the report is readable at every size")
sys.exit(bool(wrong))
JUDGE

# 3. For people, if asked.
if [ -n "$shots" ]; then
  mkdir -p "$shots"
  for size in $sizes; do
    printf '<!DOCTYPE html><body style="margin:0"><iframe src="copy.html" style="width:%spx;height:3600px;border:0">' "$size" >"$work/shot.html"
    open --window-size="$((size < 500 ? 500 : size)),3600" --virtual-time-budget=5000 \
      --screenshot="$shots/report-$size.png" "file://$work/shot.html" >/dev/null 2>&1
  done
fi
