"""Pure functions from an estate and a request to a recovery plan. Plain in, plain out."""

from .compile import compile_plan
from .placement import Placement, place
from .templates import RenderedStep, TemplateError, render_recovery

__all__ = [
    "Placement",
    "RenderedStep",
    "TemplateError",
    "compile_plan",
    "place",
    "render_recovery",
]
