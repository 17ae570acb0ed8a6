"""Run in the peers' environment: pingouin's numbers of the tables in one file, written to another."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pingouin as pg

with np.load(sys.argv[1]) as asked:
    tables = {name: asked[name] for name in asked.files}
told = {}
for name, table in tables.items():
    n, k = table.shape
    frame = pd.DataFrame(
        {"subject": np.repeat(np.arange(n), k), "rater": np.tile(np.arange(k), n), "value": table.ravel()}
    )
    found = pg.intraclass_corr(frame, targets="subject", raters="rater", ratings="value")
    ends = np.array(found.filter(regex="CI").iloc[:, 0].tolist(), dtype=float)
    told[name] = np.column_stack(
        [found["ICC"], found["F"], found["pval" if "pval" in found else "p_val"], ends]
    )
    twice = pd.concat([frame, frame.iloc[:1].assign(value=frame["value"].iloc[0] + 4)])
    try:
        averaged = pg.intraclass_corr(twice, targets="subject", raters="rater", ratings="value")["ICC"]
        told[f"{name}.duplicate"] = np.asarray(averaged, dtype=float)
    except (AssertionError, ValueError):
        told[f"{name}.duplicate"] = np.full(6, np.nan)
np.savez(sys.argv[2], **told)
