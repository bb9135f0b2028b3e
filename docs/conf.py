"""How `make docs` builds the pages: offline, with every example run and every warning an error."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from rnnbench import __version__  # noqa: E402

project = "rnnbench"
author = "The rnnbench authors"
copyright = author
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.duration",
    "sphinx_copybutton",
    "sphinx_design",
    "generated",
    "math_ml",
    "public_interface",
    "results_pages",
    "run_directive",
    "working_folder",
]
exclude_patterns = ["_build", "_ext", "**/runs", "**.ipynb_checkpoints"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_render_markdown_format = "myst"
html_math_renderer = "mathml"

html_theme = "furo"
html_title = "rnnbench"
html_static_path = ["_static"]
html_css_files = ["rnnbench.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5f99", "color-brand-content": "#1f5f99"},
    "dark_css_variables": {"color-brand-primary": "#8ec5ff", "color-brand-content": "#8ec5ff"},
}
smartquotes_action = "qe"  # quotes and ellipses: -- begins an option
html_show_sphinx = False
html_copy_source = False
copybutton_prompt_text = "$ "
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
