"""Queries (QIDO-RS) over 120,000 instances beside Orthanc, and over ever more studies: `make bench NAME=qido`.

Both sides are sent one study of 5 series and 100 instances; their databases are then filled with copies of
its rows. How the answers' time grows is measured over 1,000 and 1,300,000 studies of one series each.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path

from harness import print_skipped, print_table, print_verdict
from kahua.testing.factory import ct_series, part10
from kahua.testing.postgresql import lacking, postgres_server
from many_studies import multiply_orthanc, multiply_ours, multiply_ours_on_postgresql
from web_sides import OURS, PEER, Figures, Side, can_run, conditions, kahua, multipart, orthanc, time_call

NAME = "qido"
GOAL, FLAT = 60.0, 0.2
GOAL_TEXT = f"a page of 50 studies {GOAL:.0f} times faster than Orthanc"
FLAT_TEXT = f"{FLAT:.0%} from 1,000 to {{studies:,}} studies"

#: Studies beside Orthanc, each of 5 series and 100 instances.
STUDIES, SERIES, SLICES = 1200, 5, 20

#: How often each side is asked in one measurement.
CALLS = {OURS: 20, PEER: 1}

JSON = "application/dicom+json"

#: Into so many turns a measurement is cut where both sides are ours: so near together both meet the same load.
TURNS = 5

#: Stands for the number of a study.
ONE = "{one}"

#: Questions, and the rows that each has, however many studies there are.
QUESTIONS = {
    "first page": ("/studies?limit=50", 50),
    "page at 900": ("/studies?limit=50&offset=900", 50),
    "by accession number": (f"/studies?AccessionNumber=A{ONE}", 1),
    "by patient": (f"/studies?PatientID=P{ONE}", 1),
    "by beginning of a name": (f"/studies?PatientName=NAME{ONE}^*", 1),
    "by date range": ("/studies?StudyDate=20100101-20131231&limit=50", 50),
    "series, first page": ("/series?limit=50", 50),
    "series by study": (f"/studies/1.2.3.{ONE}/series", 1),
}


def main() -> None:
    """Measure, and print tables and verdicts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--most", type=int, default=1_300_000, help="studies of the largest database; 0 leaves it out")
    parser.add_argument("--postgresql", action="store_true", help="measure the growth on PostgreSQL, and nothing else")
    parser.add_argument("--folder", type=Path, help="where databases are kept for the next time")
    options = parser.parse_args()
    if not can_run(NAME, GOAL_TEXT):
        return
    with tempfile.TemporaryDirectory(prefix="kahua-qido-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        conditions()
        if options.postgresql:
            measure_growth_on_postgresql(folder, options.most, options.repeats)
            return
        if options.most:
            counts = (1000, options.most)
            measure_growth({count: filled(folder / f"kahua-{count}", count) for count in counts}, options.repeats)
        measure_beside(folder, options.repeats)


def measure_beside(folder: Path, repeats: int) -> None:
    """Ask both sides in turn."""
    ours, theirs = folder / "kahua", folder / "orthanc"
    if not theirs.exists():
        body = study_of(SERIES, SLICES)
        with kahua(ours) as side:
            side.store(body)
        with orthanc(theirs) as side:
            side.store(body)
        multiply_ours(ours / "kahua.sqlite3", STUDIES)
        multiply_orthanc(theirs / "index" / "index", STUDIES)
    with kahua(ours) as side, orthanc(theirs) as peer:
        sides = {OURS: side, PEER: peer}
        questions = {
            "studies, page of 50": ("/studies?limit=50", 50),
            "study by accession number": (f"/studies?AccessionNumber=A{ONE}", 1),
            "studies of a patient": (f"/studies?PatientID=P{ONE}", 1),
            "series, page of 50": ("/series?limit=50", 50),
            "series, page at 3000": ("/series?limit=50&offset=3000", 50),
            "instances of a series": (None, SLICES),
        }
        figures = {question: ask_both(sides, path, count, repeats) for question, (path, count) in questions.items()}
    print(
        f"{STUDIES * SERIES * SLICES:,} instances, {STUDIES * SERIES:,} series, {STUDIES:,} studies, {repeats} repeats"
    )
    print_table(
        ["question", "Kahua ms", "CPU ms", "Orthanc ms", "CPU ms", "times"],
        [
            (
                question,
                *(f"{1000 * value:.2f}" for name in (OURS, PEER) for value in medians(each[name])),
                f"{ratio(each):.0f}",
            )
            for question, each in figures.items()
        ],
    )
    first = ratio(figures["studies, page of 50"])
    print_verdict(NAME, figure=f"{first:.0f} times", goal=GOAL_TEXT, met=first >= GOAL)


def ask_both(sides: dict[str, Side], path: str | None, count: int, repeats: int) -> dict[str, Figures]:
    """Ask one question of each side, again and again; each must give as many rows."""
    figures = {name: Figures() for name in sides}
    paths = {name: path or a_series(side) for name, side in sides.items()}
    for name, side in sides.items():
        check(side, paths[name], count)
    calls = {name: asking(side, paths[name], STUDIES) for name, side in sides.items()}
    for _ in range(repeats):
        for name, side in sides.items():
            time_call(calls[name], side, figures[name], calls=CALLS[name])
    return figures


def measure_growth_on_postgresql(folder: Path, most: int, repeats: int) -> None:
    """Ask a small and a large database of ours on a server of their own."""
    if reason := lacking():
        print_skipped(f"{NAME}-growth", goal=FLAT_TEXT.format(studies=most), reason=reason)
        return
    with postgres_server() as server, ExitStack() as stack:
        urls = {count: stack.enter_context(server.database()) for count in (1000, most)}
        measure_growth(
            {count: filled_on_postgresql(folder / f"postgresql-{count}", url, count) for count, url in urls.items()},
            repeats,
        )


def measure_growth(databases: Mapping[int, AbstractContextManager[Side]], repeats: int) -> None:
    """Ask a small and a large database of ours the same in turn."""
    most = max(databases)
    with ExitStack() as stack:
        sides = {count: stack.enter_context(side) for count, side in databases.items()}
        figures = {question: {count: Figures() for count in sides} for question in QUESTIONS}
        calls = {
            (question, count): asking(side, QUESTIONS[question][0], count)
            for question in figures
            for count, side in sides.items()
        }
        for question, (path, rows) in QUESTIONS.items():
            for _ in range(repeats * TURNS):
                for count, side in sides.items():
                    check(side, path, rows)
                    time_call(calls[question, count], side, figures[question][count], calls=CALLS[OURS] // TURNS)
    growth = {question: each[most].seconds.median / each[1000].seconds.median for question, each in figures.items()}
    print(f"1,000 and {most:,} studies in turn, {repeats} repeats of {CALLS[OURS]}")
    print_table(
        ["question", "ms at 1,000", "best", f"ms at {most:,}", "best", "ratio"],
        [
            (
                question,
                *(
                    f"{1000 * value:.2f}"
                    for count in (1000, most)
                    for value in (each[count].seconds.median, each[count].seconds.best(highest=False))
                ),
                f"{growth[question]:.2f}",
            )
            for question, each in figures.items()
        ],
    )
    worst = max(growth.values())
    goal = FLAT_TEXT.format(studies=most)
    print_verdict(f"{NAME}-growth", figure=f"{worst - 1:+.0%} at most", goal=goal, met=worst <= 1 + FLAT)


@contextmanager
def filled(folder: Path, count: int) -> Iterator[Side]:
    """Start a site with many studies of one series and one instance."""
    if not folder.exists():
        with kahua(folder) as side:
            side.store(study_of(1, 1))
        multiply_ours(folder / "kahua.sqlite3", count)
    with kahua(folder) as side:
        yield side


@contextmanager
def filled_on_postgresql(folder: Path, url: str, count: int) -> Iterator[Side]:
    """Start a site whose many studies are in a database of PostgreSQL."""
    with kahua(folder, database_url=url) as side:
        side.store(study_of(1, 1))
    multiply_ours_on_postgresql(url, count)
    with kahua(folder, database_url=url) as side:
        yield side


def study_of(series: int, slices: int) -> bytes:
    """Make the body of a request that stores one study of tiny CT images."""
    uid = "1.2.3.0"
    parts = [
        part10(instance)
        for number in range(series)
        for instance in ct_series(
            slices=slices,
            rows=8,
            columns=8,
            seed=f"qido-{number}",
            patient_id="P0",
            StudyInstanceUID=uid,
            StudyDate="20010101",
            AccessionNumber="A0",
        )
    ]
    return multipart(parts)


def asking(side: Side, path: str, studies: int) -> Callable[[], int]:
    """Give what asks a question: where it names one study, another one each time, for answers are remembered."""
    if ONE not in path:
        return partial(side.ask, path, Accept=JSON)
    numbers = cycle(range(1, studies, max(1, studies // 997)))
    return lambda: side.ask(path.replace(ONE, str(next(numbers))), Accept=JSON)


def a_series(side: Side) -> str:
    """Give the path of the instances of some series in the middle; Orthanc answers what the shared file says."""
    side.reconnect()
    row = json.loads(side.get("/studies/1.2.3.600/series", Accept=JSON))[0]
    uid = row["0020000E"]["Value"][0]
    return f"/studies/1.2.3.600/series/{uid if side.name == OURS else f'{uid}.600'}/instances"


def check(side: Side, path: str, count: int) -> None:
    """See that a side answers with the rows that there are."""
    side.reconnect()
    found = len(json.loads(side.get(path.replace(ONE, "600"), Accept=JSON)))
    if found != count:
        raise RuntimeError(f"{side.name} answers {path} with {found} rows, not {count}.")


def medians(figures: Figures) -> tuple[float, float]:
    """Time and processor time of one answer, in seconds."""
    return figures.seconds.median, figures.cpu.median


def ratio(figures: dict[str, Figures]) -> float:
    """How many times faster ours is."""
    return figures[PEER].seconds.median / figures[OURS].seconds.median


if __name__ == "__main__":
    main()
