import re

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
