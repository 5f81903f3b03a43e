#!/usr/bin/env python3
"""Opens reports in headless Chromium: at a desktop's and a phone's width, in both themes, there is no script error and
nothing is wider than the window or cut off.  browser_test.py CHROMIUM CAMBER"""

import html
import json
import pathlib
import subprocess
import sys
import tempfile

WIDTHS = (1280, 390)
THEMES = {"light": 1, "dark": 0}  # Blink's setting preferredColorScheme

# Runs in the page, which has no script of its own. Elements may be wider than the window where they can be scrolled.
PROBE = """<script>
const faults = [];
window.onerror = (message) => faults.push("script: " + message);
window.onload = () => {
  const wide = document.documentElement.clientWidth;
  const whole = document.documentElement.scrollWidth;
  if (whole > wide) faults.push("the page is " + whole + " wide");
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest(".scroll") && !element.matches(".scroll")) continue;
    if (element.closest("svg") && element.tagName !== "svg") continue;
    const box = element.getBoundingClientRect();
    if (box.width > 0 && (box.right > wide + 1 || box.left < -1))
      faults.push(element.tagName + "." + element.className + " ends at " + box.right);
  }
  for (const element of document.querySelectorAll(".tile b, .tile span, h1, h2, figcaption"))
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
      faults.push(element.textContent + " is cut off");
  for (const drawing of document.querySelectorAll(".chart svg, .matrix svg")) {
    const frame = drawing.getBoundingClientRect();
    for (const text of drawing.querySelectorAll("text:not(.tip-text)")) {
      const box = text.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 ||
          box.bottom > frame.bottom + 1)
        faults.push("'" + text.textContent + "' leaves its drawing");
    }
  }
  for (const image of document.images)
    if (image.complete && image.naturalWidth === 0) faults.push("a picture is broken");
  parent.postMessage({faults: faults, width: wide, back: getComputedStyle(document.body).backgroundColor}, "*");
};
</script>"""

# Chromium's own window is never as narrow as a phone: the page is in a frame that is.
WRAPPER = """<!DOCTYPE html><title>probe</title><pre id="said"></pre>
<iframe src="{page}" width="{width}" height="900" style="border:0"></iframe>
<script>
window.onmessage = (event) => document.getElementById("said").textContent = JSON.stringify(event.data);
</script>"""


def run(*arguments):
    subprocess.run([str(a) for a in arguments], check=True, stdout=subprocess.DEVNULL)


def make_pages(camber, folder):
    run(camber, "data", "synth", "--out", folder / "data", "--train", 8, "--val", 5, "--size", "96x128")
    runs = [folder / name for name in ("first", "a-run-with-a-name-that-is-longer-than-a-phone-is-wide-and-more")]
    for seed, out in enumerate(runs):
        run(camber, "train", "--data", folder / "data", "--out", out, "--width", 4, "--size", "48x64", "--batch", 2,
            "--epochs", 3, "--seed", seed)
    run(camber, "report", *runs, "--out", folder / "comparison.html")
    run(camber, "eval", "--checkpoint", runs[0] / "best.safetensors", "--report", folder / "evaluation.html")
    return [out / "report.html" for out in runs] + [folder / "comparison.html", folder / "evaluation.html"]


def probe(chromium, folder, page, width, theme):
    opened = page.read_text().replace("<details>", "<details open>").replace('loading="lazy"', "")
    probed, wrapper = folder / "probed.html", folder / "wrapper.html"
    probed.write_text(opened.replace("</head>", PROBE + "</head>"))
    wrapper.write_text(WRAPPER.format(page=probed.name, width=width))
    shown = subprocess.run(
        [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000", "--hide-scrollbars",
         f"--user-data-dir={folder / 'profile'}", f"--blink-settings=preferredColorScheme={THEMES[theme]}",
         "--virtual-time-budget=5000", "--dump-dom", wrapper.as_uri()],
        check=True, capture_output=True, text=True, timeout=240).stdout
    said = shown[shown.index('<pre id="said">') + len('<pre id="said">'):shown.index("</pre>")]
    if not said:
        sys.exit(f"{page.name}: the page told nothing")
    return json.loads(html.unescape(said))


def main():
    chromium, camber = sys.argv[1:]
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for page in make_pages(camber, folder):
            backs = {}
            for width in WIDTHS:
                for theme in THEMES:
                    said = probe(chromium, folder, page, width, theme)
                    backs[theme] = said["back"]
                    if said["width"] != width:
                        said["faults"].append(f"it was {said['width']} wide")
                    for fault in said["faults"]:
                        print(f"{page.parent.name}/{page.name} at {width}, {theme}: {fault}")
                        failed = True
            if backs["light"] == backs["dark"]:
                print(f"{page.name}: both themes have the background {backs['light']}")
                failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
