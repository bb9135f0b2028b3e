"""What the charts of a page need, compressed into the page: Vega, Vega-Lite, Vega-Embed, and their data."""

from __future__ import annotations

import base64
from functools import cache
from importlib.metadata import version

import pyarrow as pa

from rnnbench.kept import kept


@cache
def libraries() -> str:
    """Return the libraries as packed JavaScript: ``vegaEmbed`` is then a property of the window.

    Bundling takes seconds, so the text is kept on disk for the versions that it depends on.
    """
    name = f"charts-{version('vl-convert-python')}-{pa.__version__}.js.gz.base64"
    return kept(name, lambda: _bundled().encode()).decode()


def _bundled() -> str:
    import vl_convert  # an engine of JavaScript, which only pages and pictures need

    return packed(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def packed(text: str) -> str:
    """Return a text as gzip in base64; the same for the same version of pyarrow, which brings a zlib of its own."""
    return base64.b64encode(pa.Codec("gzip", compression_level=9).compress(text.encode(), asbytes=True)).decode()
