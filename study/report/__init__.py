"""Draws a run's records as tables, figures and pages. Never imports Ray or torch."""

from study.report.page import draw_report

__all__ = ["draw_report"]
