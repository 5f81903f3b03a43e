"""The project's tests on the device: split among processes, read back, and failing ones run again by themselves."""
import dataclasses
import html
import re

from runner import Part

LIST_SECONDS = 10
AGAIN_SECONDS = 20


@dataclasses.dataclass(frozen=True)
class Suite:
    """A test program and, of its cases, those that doctest's filters leave."""
    name: str
    filters: tuple[str, ...] = ()


@dataclasses.dataclass
class Listed:
    suite: Suite
    cases: list[str]  # in the order in which --first and --last count them


def listing(program, suite):
    """A part that lists the suite's cases."""
    return Part(f"listed/{suite.name}", [program, "-ltc", "-r=xml", *suite.filters], LIST_SECONDS, read_listing)


def read_listing(output):
    return {"cases": [html.unescape(name) for name in re.findall(r'<TestCase name="([^"]*)"', output)]}


def command(program, suite, first, last):
    return [str(program), "-r=xml", "-d", f"-f={first}", f"-l={last}", *suite.filters]


def parts(program, listed, size, seconds, environment):
    """Parts of at most `size` cases each that together are all."""
    count = len(listed.cases)
    for first in range(1, count + 1, size):
        last = min(first + size - 1, count)
        yield Part(f"tests/{listed.suite.name} {first}-{last}", command(program, listed.suite, first, last), seconds,
                   lambda output, cases=listed.cases[first - 1:last]: read(output, cases), environment)


def again(program, listed, case, environment):
    """A case by itself, each launch waited for, so that the kernel that faults is named."""
    number = listed.cases.index(case) + 1
    return Part(f"again/{listed.suite.name} {number}", command(program, listed.suite, number, number), AGAIN_SECONDS,
                lambda output: read(output, [case]), environment | {"CAMBER_CHECK": "1"})


def read(output, cases):
    """What doctest's XML says of the cases: {passed: {case: seconds}, failed: {case: message}, unfinished: [case]}.
    Line by line, as a program that was ended leaves half a document and tests may print in between."""
    passed, failed, case, body = {}, {}, None, []
    for line in output.splitlines():
        if begin := re.match(r'\s*<TestCase name="([^"]*)".*[^/]>$', line):
            case, body = html.unescape(begin[1]), []
        elif case is None:
            continue
        elif "<OverallResultsAsserts" in line:
            if 'test_case_success="true"' in line:
                seconds = re.search(r'duration="([^"]*)"', line)
                passed[case] = float(seconds[1]) if seconds else 0
            else:
                failed[case] = _message("\n".join(body))
            case = None
        else:
            body.append(line)
    return {"passed": passed, "failed": failed,
            "unfinished": [case for case in cases if case not in passed and case not in failed]}


def read_some(output):
    """The same of cases chosen by name; throws ValueError where a run to its end had none."""
    figures = read(output, [])
    if "</doctest>" in output and not figures["passed"] and not figures["failed"]:
        raise ValueError("no test case has such a name")
    return figures


def _message(body):
    """The first assertion or exception of a case that failed."""
    first = re.search(r'<(Exception|Message|Expression success="false")(.*?)>(.*?)</(Exception|Expression|Message)>',
                      body, re.S)
    if not first:
        return ""
    where = re.search(r'filename="([^"]*)" line="(\d+)"', first[2])
    words = html.unescape(re.sub(r"<[^>]*>", " ", first[3])).split()
    return (f"{where[1]}:{where[2]}: " if where else "") + " ".join(words)[:500]


def summary(results):
    """Of all parts: {listed, passed, failed: {suite case: message}, alone: {...}}. A case that failed beside others and
    passes by itself counts as passed: a fault poisons what comes after it in the same process."""
    listed = sum(len(outcome.get("figures", {}).get("cases", [])) for name, outcome in results.items()
                 if name.startswith("listed/"))
    if not listed:
        return None
    passed, failed = {}, {}
    for name, outcome in results.items():
        kind, _, rest = name.partition("/")
        if kind not in ("tests", "again"):
            continue
        suite = rest.split(" ")[0]
        figures = outcome.get("figures", {})
        for case, seconds in figures.get("passed", {}).items():
            passed[suite, case] = seconds
            failed.pop((suite, case), None)
        for case, message in figures.get("failed", {}).items():
            failed[suite, case] = message
        if kind == "again" and outcome["outcome"] != "done":
            for case in figures.get("unfinished", []):
                failed[suite, case] = outcome.get("why", "")
    return {"listed": listed, "passed": len(passed),
            "failed": {f"{suite}: {case}": message for (suite, case), message in failed.items()}}
