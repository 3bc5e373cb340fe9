"""What a report says of networks that see images of different sizes."""

import pytest
from rendered import rendered

from study.report import draw_report
from study.report.core.study_run import load
from study.report.sections import data, method

APART = "64 px (lenet and hahnet) and 224 px (alexnet)"


def test_a_report_names_the_size_of_each_network(make_run, tmp_path):
    folder = make_run(manifest={"pairs": {"alexnet": {"image_size": 224}}})
    page = draw_report(folder, tmp_path).read_text()
    assert f"images at {APART}" in page
    assert f"All networks have the same images in the same splits, resized to {APART}." in page
    assert f"It may also be that of the images' sizes: {APART}." in page
    (card,) = tmp_path.rglob("model-card-alexnet.md")
    assert "resized to 224 x 224 px" in card.read_text()


@pytest.mark.parametrize("section", [data, method])
def test_where_all_networks_have_one_size_nothing_is_said_of_sizes(make_run, section):
    one = rendered(section, load(make_run()))
    assert "px" not in one
    same = {pair: {"image_size": 64} for pair in ("lenet", "alexnet", "hahnet")}
    assert rendered(section, load(make_run(manifest={"pairs": same}))) == one
