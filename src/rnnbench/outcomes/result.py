"""A result as data: rows, profiles, curves, what all runs share, and where they come from. One folder on disk:

    config.yaml        the configuration that all runs share, and the protocol of a tuned experiment
    runs.csv           one row a run (rows.py)
    profiles.parquet   the gradient norm over lag: run_id, moment, step, layer, direction, part, lag, log10_mean,
                       log10_median (of the norm over the sequences of the probe's batch), dead (the share of sequences
                       in which it is exactly zero)
    curves.parquet     what was logged over training: run_id, step, split, metric, value
    spectra.parquet    Lyapunov exponents, where they were measured: the same less part and lag,
                       rank, exponent
    provenance.json    (provenance.py)
    lengths.csv        where runs were tested at several lengths, a row a run and length (lengths.py); it follows from
                       runs.csv and is never read

The parquet files are of the reported runs. The same result gives the same bytes with the same versions of packages.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from rnnbench.config.identity import flatten
from rnnbench.errors import UserError
from rnnbench.outcomes import lengths, phases, provenance, rows
from rnnbench.outcomes.columns import REPORT, Row
from rnnbench.outcomes.provenance import Environment, Provenance
from rnnbench.outcomes.rows import AGAIN
from rnnbench.store import records, typed
from rnnbench.store.protocol import Protocol

CONFIG = "config.yaml"
RUN, MOMENT = pa.field("run_id", pa.string()), [pa.field("moment", pa.string()), pa.field("step", pa.int32())]
PLACE = [pa.field("layer", pa.int16()), pa.field("direction", pa.string())]
SCHEMAS = {
    "profiles": pa.schema([
        RUN, *MOMENT, *PLACE, pa.field("part", pa.string()), pa.field("lag", pa.int32()),
        pa.field("log10_mean", pa.float32()), pa.field("log10_median", pa.float32()), pa.field("dead", pa.float32()),
    ]),
    "curves": pa.schema([
        RUN, pa.field("step", pa.int32()), pa.field("split", pa.string()), pa.field("metric", pa.string()),
        pa.field("value", pa.float32()),
    ]),
    "spectra": pa.schema([RUN, *MOMENT, *PLACE, pa.field("rank", pa.int32()), pa.field("exponent", pa.float32())]),
}  # fmt: skip
"""The long tables, by the name of their file."""
FILES = (CONFIG, rows.FILE, provenance.FILE, *(f"{name}.parquet" for name in SCHEMAS))


FACTS = ("commands", "environments", "data", "missing", "damaged", "redrawable")
"""The fields of a result in provenance.json that do not follow from its rows."""


def no_rows(name: str) -> pd.DataFrame:
    """Return the long table ``name`` without rows."""
    return SCHEMAS[name].empty_table().to_pandas()


@dataclass
class Result:
    """The runs of one experiment, wherever they were made."""

    name: str
    rows: pd.DataFrame
    protocol: Protocol | None = None
    """Of a tuned experiment."""
    tables: dict[str, pd.DataFrame] = field(default_factory=lambda: {name: no_rows(name) for name in SCHEMAS})
    """The long tables: ``profiles``, ``curves`` and ``spectra``."""
    commands: list[str] = field(default_factory=list)
    environments: list[Environment] = field(default_factory=list)
    """What the column ``environment`` counts."""
    data: list[dict[str, Any]] = field(default_factory=list)
    """What is known of the text and the files that tasks read."""
    missing: dict[str, str] = field(default_factory=dict)
    """The planned runs without a row, by run_id: whether each is waiting, running or interrupted."""
    damaged: dict[str, str] = field(default_factory=dict)
    """What is wrong with files that cannot be read, by run_id or name."""
    redrawable: bool = True
    """False where profiles and curves were never kept: figures of them stay as they were drawn."""

    @property
    def runs(self) -> list[Row]:
        """The rows as plain values."""
        return rows.plain(self.rows)

    def only(self, run_ids: Collection[str]) -> Result:
        """Return the same of some runs alone."""
        kept = set(run_ids)
        return replace(
            self,
            rows=self.rows[self.rows["run_id"].isin(kept)],
            tables={name: table[table["run_id"].isin(kept)] for name, table in self.tables.items()},
            missing={run_id: why for run_id, why in self.missing.items() if run_id in kept},
            damaged={name: why for name, why in self.damaged.items() if name in kept or name == records.PLANNED},
        )

    @property
    def tuned(self) -> list[str]:
        """The keys whose values were chosen for each setting."""
        return list((self.protocol.tune if self.protocol else None) or {})

    @property
    def gap(self) -> str:
        """How many planned runs are missing and why, in words; empty where none is."""
        if not self.missing:
            return ""
        counts = ", ".join(f"{count} {status}" for status, count in sorted(Counter(self.missing.values()).items()))
        verb = "is" if len(self.missing) == 1 else "are"
        return f"{len(self.missing)} of {len(self.missing) + len(self.rows)} planned runs {verb} not here: {counts}"


def conformed(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the long table ``name`` with the types that it has on disk. Raises ValueError where they do not fit."""
    return pa.Table.from_pandas(table, SCHEMAS[name], preserve_index=False).to_pandas()


def write(folder: Path, result: Result) -> None:
    """Write a result's data into an existing folder."""
    common, _ = rows.shared(result.rows)
    content = {
        "config": _nested(common),
        "protocol": None if result.protocol is None else asdict(result.protocol),
    }
    text = yaml.safe_dump(content, sort_keys=False, width=120)  # in ASCII: PyYAML reads back no U+0085
    (folder / CONFIG).write_text(text, encoding="utf-8")
    rows.write(folder / rows.FILE, result.rows)
    runs = result.rows[result.rows["phase"] == REPORT]["run_id"]
    for name, schema in SCHEMAS.items():
        reported = result.tables[name][result.tables[name]["run_id"].isin(runs)]
        if len(reported):
            table = pa.Table.from_pandas(reported, schema, preserve_index=False).replace_schema_metadata()
            path = folder / f"{name}.parquet"
            pq.write_table(table, path, compression="zstd", compression_level=19, write_page_checksum=True)
    curves = lengths.table(result.runs)
    if len(curves):
        curves.to_csv(folder / lengths.FILE, index=False, lineterminator="\n", encoding="utf-8")
    whence = {"format": provenance.FORMAT, "experiment": result.name} | provenance.summary(result.runs)
    whence |= {key: getattr(result, key) for key in FACTS}
    (folder / provenance.FILE).write_text(json.dumps(whence, indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> Result:
    """Return the result in a folder. Raises UserError, which names the file, where one is missing or damaged."""
    if not any((folder / name).exists() for name in FILES):
        message = "holds no result; name a folder that rnnbench publish or rnnbench report wrote"
        raise UserError(f"{folder}: {message}")
    whence = _provenance(folder / provenance.FILE)
    common, protocol = _config(folder / CONFIG)
    table = rows.read(folder / rows.FILE, common)
    if len(table) != whence["runs"]:
        message = f"{folder / rows.FILE}: has {len(table)} of the {whence['runs']} rows that {provenance.FILE} counts"
        raise UserError(f"{message}; {AGAIN}")
    for each in rows.plain(table):
        if each["environment"] >= len(whence["environments"]):
            message = f"{folder / rows.FILE}: {each['run_id']}: environment {each['environment']} is not in"
            raise UserError(f"{message} {provenance.FILE}; {AGAIN}")
    known = set(table["run_id"])
    found = Result(
        name=whence["experiment"],
        rows=table,
        protocol=protocol,
        tables={name: _table(folder / f"{name}.parquet", schema, known) for name, schema in SCHEMAS.items()},
        commands=whence["commands"],
        environments=whence["environments"],
        data=whence["data"],
        missing=whence["missing"],
        damaged=whence["damaged"],
        redrawable=whence["redrawable"],
    )
    return phases.divide(found)


def _provenance(path: Path) -> Provenance:
    try:
        found = typed.parse(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.get("format") != provenance.FORMAT:
            raise ValueError(
                f"format {found.get('format', 1)!r}, not {provenance.FORMAT}: of another version of rnnbench"
            )
        typed.check(found, Provenance)
        if not found["commands"] or not found["environments"]:
            raise ValueError("it says no command, or no environment")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be used ({' '.join(str(error).split())}); {AGAIN}") from error
    whence: Provenance = found
    return whence


def _config(path: Path) -> tuple[Row, Protocol | None]:
    try:
        text = path.read_text(encoding="utf-8")
        if not text.endswith("\n"):
            raise ValueError("its last line is cut off")
        found = typed.parse(json.dumps(yaml.safe_load(text)))  # YAML has more types
        if not isinstance(found, dict) or not isinstance(found.get("config"), dict) or "protocol" not in found:
            raise ValueError("no configuration and protocol")
        protocol = found["protocol"]
        common = flatten(found["config"])
        stray = next((key for key in common if "." not in key), None)
        if stray is not None:
            raise ValueError(f"{stray!r} is no configuration key")
        return common, None if protocol is None else typed.build(Protocol, protocol)
    except Exception as error:  # PyYAML raises nearly anything for what is no YAML
        raise UserError(f"{path}: cannot be used ({' '.join(str(error).split())}); {AGAIN}") from error


def _table(path: Path, schema: pa.Schema, known: set[str]) -> pd.DataFrame:
    """Return a long table of the runs that are ``known``; an empty one where there is no such file."""
    if not path.exists():
        return schema.empty_table().to_pandas()
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        if not table.schema.equals(schema):
            raise ValueError(f"it has the columns {', '.join(table.schema.names)}, of another version")
        lacking = [each.name for each in schema if each.type != pa.float32() and table[each.name].null_count]
        if lacking:
            raise ValueError(f"a row lacks its {lacking[0]}")
        found = table.to_pandas()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UserError(f"{path}: is damaged ({' '.join(str(error).split())}); {AGAIN}") from error
    stray = next((run_id for run_id in found["run_id"].unique() if run_id not in known), None)
    if stray is not None:
        raise UserError(f"{path}: has {stray!r}, which has no row in {rows.FILE}; {AGAIN}")
    return found


def _nested(flat: Row) -> dict[str, Any]:
    """Return a configuration with dotted keys as nested tables."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, last = key.split(".")
        table = nested
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = value
    return nested
