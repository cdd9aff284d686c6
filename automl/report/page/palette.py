"""Colours and second signs of the figures, on a light and on a dark page.

The colours of states, of the best trial and of the defaults stay apart for people with
deuteranopia, protanopia and tritanopia, on both pages; tests/automl/report/page/test_palette.py
measures it.
"""

TEXT, GREY, GRID, PAGE = "#1b1f24", "#5b6570", "#e3e7eb", "#ffffff"
BLUE = "#1f5fa8"
"""Bars and lines that mean no state."""
BEST, DEFAULT = "#145f4a", "#111111"
STATES = {
    "completed": "#0631ff",
    "stopped": "#b3acaf",
    "paused": "#733f05",
    "running": "#0498e0",
    "interrupted": "#5f0b8f",
    "failed": "#d97e34",
}
"""The colour of each state, in the order of legends."""
SYMBOLS = {
    "completed": "circle",
    "stopped": "circle-open",
    "paused": "square",
    "running": "triangle-up",
    "interrupted": "diamond",
    "failed": "x",
}
"""The marker of each state, the sign beside its colour."""
DARK = {
    TEXT: "#e4e8ec",
    GREY: "#9aa6b2",
    GRID: "#333b44",
    PAGE: "#15191e",
    BLUE: "#7ab2ec",
    BEST: "#0cff98",
    DEFAULT: "#f2f2f2",
    STATES["completed"]: "#9cc4ff",
    STATES["stopped"]: "#605b59",
    STATES["paused"]: "#9a682c",
    STATES["running"]: "#046b9c",
    STATES["interrupted"]: "#b800ff",
    STATES["failed"]: "#ff8a0e",
}
"""The colour of a dark page for each colour above."""
