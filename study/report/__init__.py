"""Draws a run's records as tables, figures and pages. Never imports Ray or torch."""

from study.report.core.figure import Drawing
from study.report.core.section import Context, Section
from study.report.page import draw_report

__all__ = ["Context", "Drawing", "Section", "draw_report"]
