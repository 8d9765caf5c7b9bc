r"""Lines of code of each method here, in PyTorch-GAN and in PyTorch-StudioGAN.

    python docs/lines_per_method.py PYTORCH_GAN STUDIOGAN

PYTORCH_GAN and STUDIOGAN are checkouts of both repositories. Prints a Markdown table. Blank lines, comments and
docstrings do not count, nor do configs. Here a method is its classes. In PyTorch-GAN it is a folder of scripts with
networks, data and loop of their own. In StudioGAN it is its functions and every other line that names them or its keys.
"""

from __future__ import annotations

import inspect
import io
import re
import sys
import tokenize
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from lightning_gans import variants
from lightning_gans.components import auxiliary, generator_penalties, noise, objectives, penalties
from lightning_gans.networks import constraints

PLACES = (objectives, penalties, generator_penalties, auxiliary, noise, constraints, variants)


class Method(NamedTuple):
    """Where a method is; empty where a suite does not have it.

    Attributes:
        name: the method.
        classes: names of its classes here.
        folder: its folder in PyTorch-GAN.
        studio: a regular expression of the names of its functions and keys in StudioGAN.
    """

    name: str
    classes: str
    folder: str = ""
    studio: str = ""


METHODS = (
    Method("LSGAN", "LeastSquares LSGAN", "lsgan", "[dg]_ls|least_square"),
    Method("Hinge loss", "Hinge", "", "[dg]_hinge|hinge"),
    Method("WGAN", "Wasserstein WeightClipping WGAN", "wgan", "[dg]_wasserstein|wasserstein|apply_wc|wc_bound"),
    Method("WGAN-GP", "GradientPenalty WGANGP", "wgan_gp", "cal_grad_penalty|apply_gp|gp_lambda"),
    Method("WGAN-div", "WassersteinDivergence", "wgan_div"),
    Method("DRAGAN", "DRAGAN", "dragan", "cal_dra_penalty|apply_dra|dra_labmda"),
    Method("Relativistic average", "RelativisticAverage", "relativistic_gan"),
    Method("Softmax GAN", "Softmax", "softmax_gan"),
    Method("EBGAN", "EnergyBased PullingAway EBGAN", "ebgan"),
    Method("BEGAN", "BoundaryEquilibrium BEGAN", "began"),
    Method("R1", "R1", "", "cal_r1_reg|apply_r1_reg|r1_lambda|r1_place"),
    Method("Consistency", "Consistency", "", "apply_cr_aug|apply_b?cr|b?cr_lambda|real_lambda|fake_lambda"),
    Method("LeCam", "LeCam", "", "lecam_reg|apply_lecam|lecam_lambda|lecam_ema|lecam_ema_start_iter"),
    Method("ACGAN", "Classification ACGAN", "acgan", "AC"),
    Method("ReACGAN", "DataToData ReACGAN", "", "Data2DataCrossEntropyLoss|D2DCE|m_p"),
    Method("InfoGAN", "MutualInformation CodedNoise InfoGAN", "infogan", r"normal_nll_loss|info_\w+|infoGAN\w*"),
    Method("Semi-supervised GAN", "SemiSupervisedGAN", "sgan"),
)


def code_lines(source: str) -> set[int]:
    """Numbers of the lines with code, from 1."""
    found: set[int] = set()
    ends = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER):
            continue
        docstring = token.type == tokenize.STRING and before in ends
        if token.type not in ends and not docstring:
            found |= set(range(token.start[0], token.end[0] + 1))
        before = token.type
    return found


def ours(classes: str) -> tuple[int, int]:
    """Lines and files of classes of this package."""
    found = [next(getattr(place, name) for place in PLACES if hasattr(place, name)) for name in classes.split()]
    return sum(len(code_lines(inspect.getsource(each))) for each in found), len(
        {inspect.getfile(each) for each in found}
    )


def whole(files: Iterable[Path]) -> tuple[int, int]:
    """Lines and files of scripts."""
    counts = [len(code_lines(path.read_text(encoding="utf-8"))) for path in files]
    return sum(counts), len(counts)


def named(root: Path, names: str) -> tuple[int, int]:
    """Lines and files of the definitions with certain names below a folder, and of other lines that have the names."""
    word = re.compile(rf"(?<!\w)({names})(?!\w)")
    definition = re.compile(rf"\s*(def|class) ({names})\b")
    lines = files = 0
    for path in sorted(root.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        code, text = code_lines(source), source.splitlines()
        found: set[int] = set()
        for number, line in enumerate(text, start=1):
            if word.search(line):
                found.add(number)
            if definition.match(line):
                found |= set(
                    range(number, number + len(inspect.getblock([f"{each}\n" for each in text[number - 1 :]])))
                )
        lines, files = lines + len(found & code), files + bool(found & code)
    return lines, files


def cell(counted: tuple[int, int]) -> str:
    """Lines and files as a cell of the table."""
    return f"{counted[0]} ({counted[1]})"


def main(pytorch_gan: str, studio_gan: str) -> None:
    """Print the table."""
    print("| Method | Here | PyTorch-GAN | StudioGAN |\n| --- | --: | --: | --: |")
    for method in METHODS:
        scripts = Path(pytorch_gan, "implementations", method.folder)
        second = cell(whole(sorted(scripts.glob("*.py")))) if method.folder else ""
        third = cell(named(Path(studio_gan, "src"), method.studio)) if method.studio else ""
        print(f"| {method.name} | {cell(ours(method.classes))} | {second} | {third} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
