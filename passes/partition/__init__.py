"""Loops over rows that do not see each other, as several loops over some of the rows.
Entry points: `partition`; `gather`, which puts loops that can run at once side by side.
"""

from graphtf.passes.partition.gather import gather as gather
from graphtf.passes.partition.loops import partition as partition
