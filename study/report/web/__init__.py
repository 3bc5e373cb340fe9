"""The second form of a page: its markdown as one HTML file that needs nothing but itself."""

from study.report.web.page import html_page

__all__ = ["html_page"]
