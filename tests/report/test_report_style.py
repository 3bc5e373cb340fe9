import re

import numpy as np
from matplotlib.text import Text

from study.report.core import style
from study.report.sections import page_of

PHONE_IN = 360 / 96


def test_on_a_phone_all_letters_are_at_least_eight_points_and_no_legend_is_cut_off(six):
    for name, drawing in page_of(six.folder).figures.items():
        with style.styled():
            figure = drawing.draw()
            figure.draw_without_rendering()
        width = figure.bbox.width
        for text in figure.findobj(Text):
            if text.get_visible() and text.get_text().strip():
                assert text.get_fontsize() * PHONE_IN / figure.get_figwidth() >= 8, (name, text.get_text())
        for legend in figure.legends:
            box = legend.get_window_extent()
            assert 0 <= box.x0 <= box.x1 <= width, name


def test_one_sentence_says_what_to_see_in_each_figure(six, audited):
    for drawn in (six, audited):
        for name, drawing in page_of(drawn.folder).figures.items():
            assert re.findall(r"[.!?](?= [A-Z]|$)", drawing.sees) == ["."], (name, drawing.sees)
            assert drawing.sees in drawn.page
            assert drawing.how in drawn.page


def test_no_mark_is_cut_off_at_the_edge_of_its_panel(six, audited):
    num_marks = 0
    for drawn in (six, audited):
        for name, drawing in page_of(drawn.folder).figures.items():
            with style.styled():
                figure = drawing.draw()
                figure.draw_without_rendering()
            for axis in figure.axes:
                for line in (line for line in axis.lines if line.get_marker() in ("o", "s", "^", "D", "v", "P", "x")):
                    places = line.get_transform().transform(line.get_xydata())
                    radius = (line.get_markersize() + line.get_markeredgewidth()) / 2 * figure.dpi / 72
                    edge = axis.bbox.expanded(1 - 2 * radius / axis.bbox.width, 1 - 2 * radius / axis.bbox.height)
                    inside = [edge.contains(*place) for place in places if np.isfinite(place).all()]
                    assert all(inside) or not line.get_clip_on(), (name, axis.get_title(), line)
                    num_marks += len(inside)
    assert num_marks > 300
