"""Pure functions from an estate and a request to a recovery plan. Plain in, plain out."""

from .compile import compile_plan
from .templates import RenderedStep, TemplateError, render_recovery, render_text

__all__ = [
    "RenderedStep",
    "TemplateError",
    "compile_plan",
    "render_recovery",
    "render_text",
]
