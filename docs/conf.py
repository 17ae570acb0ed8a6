"""Settings of the documentation. It describes the installed package; only its extension is on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import atlasplane

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Atlasplane"
author = "The Atlasplane developers"
copyright = "The Atlasplane developers, Apache-2.0"
version = release = atlasplane.__version__

extensions = ["catalogue", "plain_formulas", "myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["_build"]

nb_execution_mode = "off"  # a test runs the notebooks and compares; the build shows what is committed

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Types in docstrings are words, such as "array, shape (n_studies,)": many results have such a field.
suppress_warnings = ["ref.python"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_numpy_docstring = True

# Formulas are drawn without a network where `make docs` has fetched the package.
_MATHJAX = Path(__file__).parents[1] / "node_modules" / "mathjax" / "es5" / "tex-svg-full.js"
if _MATHJAX.is_file():
    html_static_path = [str(_MATHJAX)]
    mathjax_path = _MATHJAX.name

html_theme = "pydata_sphinx_theme"
html_title = f"Atlasplane {release}"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
}
