"""AdminService: plans and rollbacks to bytes."""

from hedgerow.admin.v1 import admin_service_pb2 as pb

from hedgerow_server.core.admin import Change, KeptConfig, RolledBack
from hedgerow_server.core.plan import FieldChange, Plan, PlannedChange
from hedgerow_server.wire.times import timestamp

_MOST_CHANGES = 1_000
_KINDS = {"added": pb.CHANGE_KIND_ADDED, "removed": pb.CHANGE_KIND_REMOVED, "changed": pb.CHANGE_KIND_CHANGED}
_AREAS = {name.removeprefix("PLAN_AREA_").lower(): number for name, number in pb.PlanArea.items()}


def plan_message(answer: Plan | RolledBack) -> pb.PlanConfigResponse | pb.RollbackConfigResponse:
    """The response."""
    return _plan(answer) if isinstance(answer, Plan) else _rolled_back(answer)


def changes(found: tuple[Change, ...]) -> list[pb.Change]:
    """As many of them as are told."""
    return [pb.Change(path=one.path, kind=_KINDS[one.kind]) for one in found[:_MOST_CHANGES]]


def kept_config(one: KeptConfig) -> pb.KeptConfig:
    """One configuration that there is a way back to."""
    return pb.KeptConfig(
        hash=one.hash, load_time=timestamp(one.loaded_unix_s), current=one.current, routes_count=one.routes
    )


def _plan(answer: Plan) -> pb.PlanConfigResponse:
    return pb.PlanConfigResponse(
        current_hash=answer.current_hash,
        planned_hash=answer.planned_hash,
        changes=map(_planned, answer.changes),
        changes_count=answer.total,
        restart_keys=answer.restart_keys,
        named_files=answer.named_files,
    )


def _planned(one: PlannedChange) -> pb.PlannedChange:
    return pb.PlannedChange(
        area=_AREAS[one.area],
        path=one.path,
        kind=_KINDS[one.kind],
        fields=map(_field, one.fields),
        needs_restart=one.needs_restart,
    )


def _field(one: FieldChange) -> pb.FieldChange:
    return pb.FieldChange(path=one.path, before=one.before, after=one.after, needs_restart=one.needs_restart)


def _rolled_back(answer: RolledBack) -> pb.RollbackConfigResponse:
    now = answer.reloaded
    return pb.RollbackConfigResponse(
        config_hash=now.config_hash,
        previous_hash=answer.previous_hash,
        applied=now.applied,
        changes=changes(now.changes),
        changes_count=len(now.changes),
        restart_keys=now.restart_keys,
    )
