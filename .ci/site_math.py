"""Formulas of the web edition: TeX in markdown becomes MathML, which browsers draw without a script."""
import html
import re

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer

THIN = '<mspace width="0.17em"/>'
SIZED = re.compile(r"\\[bB]igg?[lrm]?(?=\\)")                # \Big\lfloor: the brackets of MathML grow by themselves


def mathml(body, display):
    """A formula in TeX as MathML; names of functions get the thin spaces that TeX gives them."""
    text = convert(SIZED.sub("", html.unescape(body)), display=display)

    def spaced(found):
        """Space after the name, and before it unless a sign or a bracket stands there."""
        before = THIN if found.group(1).startswith("</") and found.group(1) != "</mo>" else ""
        return f"{found.group(1)}{before}{found.group(2)}{THIN if found.group(3) else ''}"

    return re.sub(r"(<(?!m(?:sub|sup|frac|under|over))[^<>]*>)(<mi>(?:log|ln|exp|sinh?|cosh?|tanh?|arctan|arcsin|arccos|min|max)</mi>)(?=(<m(?!o))?)",
                  spaced, text)


class Renderer(IPythonRenderer):
    """Markdown whose formulas become MathML."""

    def inline_math(self, body):
        """$body$; a long one scrolls by itself on a phone."""
        text = mathml(body, "inline")
        return f'<span class="long">{text}</span>' if len(re.sub("<[^>]*>", "", text)) > 20 else text

    def block_math(self, body):
        """$$body$$"""
        return f'<span class="equation">{mathml(body, "block")}</span>'

    def latex_environment(self, name, body):
        """An environment such as aligned, without dollars."""
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")
