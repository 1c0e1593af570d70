"""Graphs of pipelines as they are sent: types of data, modules, and how modules are joined."""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.cluster import check_cluster
from tests.emulators.azureml.modules import entity_of, values_in
from tests.emulators.azureml.parallel_runs import TYPE as PARALLEL
from tests.emulators.azureml.parallel_runs import ParallelRuns
from tests.emulators.azureml.resources import SERVICES, Resources
from tests.emulators.azureml.snapshots import Snapshots
from tests.emulators.server import Answer, Request, Route


@dataclass(repr=False)
class Graphs:
    """What a workspace was sent of pipelines.

    Attributes:
        resources: The workspace.
        snapshots: Where the steps' files are.
        parallel: Where steps run on Azure ML's own machines.
        modules: The modules by their ids, as they were sent.
        sent: The graphs by their ids, as they were sent.
    """

    resources: Resources
    snapshots: Snapshots
    parallel: ParallelRuns
    modules: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    _types: list[dict[str, Any]] = field(default_factory=list)

    def routes(self) -> list[tuple[str, str, Route]]:
        base = rf"{re.escape(SERVICES)}/pipelines/v1\.0{re.escape(self.resources.scope)}"
        return [
            ("GET", rf"{base}/DataTypes", self._list_types),
            ("POST", rf"{base}/DataTypes", self._add_type),
            ("GET", rf"{base}/Modules/Hash/(\w+)", self._find_module),
            ("POST", rf"{base}/Modules", self._add_module),
            ("GET", rf"{base}/Modules/([\w-]{{36}})", self._get_module),
        ]

    def add(self, sent: dict[str, Any]) -> tuple[str, dict[str, str]]:
        """Keeps a graph that was sent; returns its id and the defaults of its parameters."""
        graph, interface = sent["Graph"], sent["GraphInterface"]
        for node in graph["ModuleNodes"]:
            if node["ModuleId"] not in self.modules:
                raise Refused(400, "UserError", f"Module {node['ModuleId']} is unknown.")
            module = self.modules[node["ModuleId"]]
            if module["ModuleExecutionType"] == PARALLEL:
                wrong = self.parallel.check(module, values_in(node["ModuleParameters"], {}))
            else:
                wrong = check_cluster(values_in(node["ModuleMetadataParameters"], {}))
            if wrong:
                raise Refused(400, "UserError", wrong)
        defaults = {one["Name"]: one["DefaultValue"] for one in interface["Parameters"]}
        self.sent[number := str(uuid.uuid4())] = graph
        return number, defaults

    def steps(self, graph: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """The nodes of a graph in the order in which they run: ids, modules, what they say."""
        entity = self.sent[graph]
        nodes = {node["Id"]: node for node in entity["ModuleNodes"]}
        before = {number: set() for number in nodes}  # type: dict[str, set[str]]
        for edge in entity["Edges"]:
            source, target = (
                edge["SourceOutputPort"]["NodeId"],
                edge["DestinationInputPort"]["NodeId"],
            )
            before[target] |= {source} & set(nodes)  # a dataset is there already
        ordered: list[str] = []
        while ready := [n for n in nodes if n not in ordered and before[n] <= set(ordered)]:
            ordered += ready
        assert len(ordered) == len(nodes), "the graph has a cycle"
        return [(n, self.modules[nodes[n]["ModuleId"]], nodes[n]) for n in ordered]

    def inputs(self, number: str, node: str, datasets: dict[str, str]) -> dict[str, str]:
        """Which of the datasets a node of a graph reads, by its inputs."""
        graph = self.sent[number]
        names = {
            one["Id"]: one["DataSetDefinition"]["ParameterName"] for one in graph["DatasetNodes"]
        }
        edges = [e for e in graph["Edges"] if e["DestinationInputPort"]["NodeId"] == node]
        return {
            edge["DestinationInputPort"]["PortName"]: datasets[names[source]]
            for edge in edges
            if (source := edge["SourceOutputPort"]["NodeId"]) in names
        }

    def _list_types(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self._types)

    def _add_type(self, request: Request, match: re.Match[str]) -> Answer:
        self._types.append(request.json)
        return Answer.of(request.json)

    def _find_module(self, request: Request, match: re.Match[str]) -> Answer:
        found = [n for n, one in self.modules.items() if one.get("IdentifierHash") == match[1]]
        if not found:
            raise Refused(404, "NotFound", f"No module with the hash {match[1]}.")
        return Answer.of(entity_of(found[0], self.modules[found[0]]))

    def _add_module(self, request: Request, match: re.Match[str]) -> Answer:
        sent = request.json
        if sent["ModuleExecutionType"] not in ("databrickscloud", PARALLEL):
            raise Refused(400, "UserError", f"Unknown execution type {sent['ModuleExecutionType']}")
        if sent["StorageId"] not in self.snapshots.files:
            raise Refused(400, "UserError", f"Snapshot {sent['StorageId']} is unknown.")
        self.modules[number := str(uuid.uuid4())] = sent
        return Answer.of(entity_of(number, sent)["Data"])

    def _get_module(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(entity_of(match[1], self.modules[match[1]]))
