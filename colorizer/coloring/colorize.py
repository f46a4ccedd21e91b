"""The program that colours drawings: one, a folder, a cut."""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing

from colorizer.checkpoints.generator_file import about_shipped
from colorizer.coloring.colorizer import Colorizer
from colorizer.coloring.cut import Given, color_cut, cuts_of, keys_of
from colorizer.coloring.jobs import Job, colors_one, list_jobs, pictures_of
from colorizer.coloring.opened import opened
from colorizer.coloring.painting import Painting
from colorizer.coloring.pipeline import HELD, HELD_PIXELS, Outcome, Pipeline
from colorizer.coloring.record import Record
from colorizer.coloring.results import Results, digest_of_file, digests_of_cut
from colorizer.coloring.video import check_video, write_video
from colorizer.coloring.writing import check_outputs, write_outputs
from colorizer.config.bounds import check_bounds
from colorizer.config.commands import ColorizeConfig
from colorizer.config.shipped import SHIPPED
from colorizer.drawings.corrections import Point, read_points
from colorizer.system import console
from colorizer.system.errors import UserError
from colorizer.system.memory import keep_freed_memory, naming_lack_of_memory
from colorizer.system.storage import check_writable, locked

Outcomes = Generator[Outcome, None, None]


def colorize(config: ColorizeConfig) -> None:
    """Colour drawings and write the results.

    A drawing that cannot be read is named, and the others are coloured.

    Raises:
        UserError: the checkpoint, the settings or a reference cannot be used, a drawing cannot be
            read, or a result cannot be written or would be lost.
    """
    check_bounds(config)
    one = colors_one(config)
    jobs = list_jobs(config)
    check_outputs(jobs[0].output, config.write)
    _check_sequence(config, one, jobs)
    given = _given(config, jobs)
    check_writable(config.output.parent if one else config.output)
    colorizer = Colorizer(config.checkpoint)
    if config.checkpoint == SHIPPED:
        console.say(about_shipped(colorizer.file))
    if colorizer.device.type == "cpu":
        keep_freed_memory()
    with naming_lack_of_memory("give a smaller --working-size."):
        if one:
            _color_one(config, colorizer, jobs[0], given.points.get(0, ()))
        else:
            _color_folder(config, colorizer, jobs, given)


def _check_sequence(config: ColorizeConfig, one: bool, jobs: Sequence[Job]) -> None:
    if config.video is not None and not config.sequence:
        raise UserError("--video is made of the frames of a cut: give --sequence, too.")
    if config.points is not None and not one and not config.sequence:
        raise UserError("--points are of one drawing, or of the frames of a cut: --sequence.")
    if config.keys and not config.sequence:
        raise UserError("--keys are frames of a cut that are coloured: give --sequence, too.")
    if not config.sequence:
        return
    if one:
        raise UserError(f"--sequence: {config.line} is one drawing; give a folder or pattern.")
    cuts = cuts_of(jobs)
    if config.video is None:
        return
    if len(cuts) > 1:
        raise UserError(f"--video is of one cut; {config.line} has {len(cuts)} folders of frames.")
    if "result" not in config.write:
        raise UserError("--video is made of the results: give --write result, too.")
    check_video(config.video, jobs, config.fps)


def _given(config: ColorizeConfig, jobs: Sequence[Job]) -> Given:
    points: Mapping[int, Sequence[Point]] = {}
    if config.points is not None:
        references = [opened(path).pixels for path in jobs[0].references]
        points = read_points(config.points, references)
    keys = keys_of(cuts_of(jobs), pictures_of(config.keys)) if config.sequence else {}
    return Given(config.working_size, config.gap, keys, points)


def _color_one(
    config: ColorizeConfig, colorizer: Colorizer, job: Job, points: Sequence[Point]
) -> None:
    def write(job: Job, painting: Painting, _: str) -> None:
        write_outputs(painting.corrected(points), job.output, config.write)

    pipeline = Pipeline(colorizer, write, config.working_size, config.gap)
    (outcome,) = pipeline.run([job])
    if outcome.error:
        raise UserError(outcome.error)
    for note in outcome.notes:
        console.say(f"{job.drawing}: {note}")
    references = ", ".join(map(str, config.reference))
    console.say(f"{config.output}: {job.drawing} in the colours of {references}")


def _color_folder(
    config: ColorizeConfig, colorizer: Colorizer, jobs: Sequence[Job], given: Given
) -> None:
    with locked(config.output, "colours drawings"), Record(config.output) as record:
        settings = {
            "generator": colorizer.file.sha256,
            "working size": colorizer.working_size(config.working_size).side,
            "gap": config.gap,
            "write": sorted(set(config.write)),
            "sequence": config.sequence,
            "points": "" if config.points is None else digest_of_file(config.points),
            "keys": {str(path): digest_of_file(path) for path in pictures_of(config.keys)},
        }
        results = Results(config.output, record, config.write, settings)
        if config.sequence:
            cuts = cuts_of(jobs)
            digests = {job: digest for cut in cuts for job, digest in digests_of_cut(cut)}
            missing = results.missing(jobs, config.overwrite, digests)
            outcomes = _cuts(colorizer, cuts, missing, results, digests, given)
        else:
            missing = results.missing(jobs, config.overwrite, {})
            outcomes = _drawings(config, colorizer, missing, results)
        failed = _follow(outcomes, len(jobs), len(missing))
    before = len(jobs) - len(missing)
    console.say(
        f"{config.output}: {len(missing) - failed} coloured, {before} coloured before, {failed}"
        " could not be coloured"
    )
    if config.video is not None and failed:
        console.warn(f"{config.video}: not written, since frames are missing")
    elif config.video is not None:
        write_video(config.video, [job.output for job in jobs], config.fps)
        console.say(f"{config.video}: {len(jobs)} frames, {config.fps:g} a second")
    if failed:
        raise UserError(f"{failed} of {len(jobs)} could not be coloured; the reasons are above.")


def _drawings(
    config: ColorizeConfig, colorizer: Colorizer, jobs: Sequence[Job], results: Results
) -> Outcomes:
    pipeline = Pipeline(colorizer, results.write, config.working_size, config.gap)
    if len({job.references for job in jobs}) == 1:
        pipeline.references(jobs[0].references)  # unusable ones would be so for every drawing
    if jobs:
        console.say(
            f"At most {HELD} drawings, of {HELD_PIXELS // 1_000_000} million pixels together, are"
            " in memory at once; a larger one is alone."
        )
    yield from pipeline.run(jobs)


def _cuts(
    colorizer: Colorizer,
    cuts: Sequence[Sequence[Job]],
    missing: Sequence[Job],
    results: Results,
    digests: dict[Job, str],
    given: Given,
) -> Outcomes:
    for cut in cuts:
        undone = set(missing).intersection(cut)
        yield from color_cut(colorizer, cut, undone, results.write, digests, given)


def _follow(outcomes: Outcomes, total: int, missing: int) -> int:
    """Show how far it is, and what is odd; how many could not be coloured."""
    failed = 0
    notes: Counter[str] = Counter()
    done = total - missing
    shown = console.progress("colouring", total, "drawings", done)
    with closing(outcomes), shown as advance:  # closed, it lets what is being written end
        for outcome in outcomes:
            done += 1
            if outcome.error:
                failed += 1
                console.warn(outcome.error)
            notes.update(outcome.notes)
            advance(done)
    for note, count in notes.most_common():
        console.say(f"{count} of {missing}: {note}")
    return failed
