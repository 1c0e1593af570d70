"""The families that a search may try: those that one process trains, and the network of several."""

from throughline.distributed.network_family import Network
from throughline.models.families import FAMILIES, trains_on_spark
from throughline.models.family import Family, Parameters
from throughline.prepared import PreparedTable

SEARCHED: dict[str, Family] = {**FAMILIES, Network.name: Network()}


def trains_elsewhere(family: Family, table: PreparedTable, parameters: Parameters) -> bool:
    """Whether a training may be work of other processes, Spark's or a launcher's workers.

    Args:
        family: The family.
        table: The prepared table.
        parameters: Those that are given; None stands for one that is drawn.
    """
    return isinstance(family, Network) or trains_on_spark(family, table, parameters)
