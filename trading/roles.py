"""The groups that come with the system: who operates, and who answers for the risk. A person is put into them in the admin."""

from typing import Any

OPERATORS, RISK_OFFICERS = "Operators", "Risk officers"
_OPERATE = (("trading", "traderstatus", "change"), ("backtests", "backtestrun", "add"))
_LOOK = tuple(
    ("trading", model, "view")
    for model in ("account", "arming", "discrepancy", "fill", "halt", "order", "position", "promotion", "reconciliation",
                  "risklimits", "settlement", "strategyparameters", "traderstatus", "tradingsession")
)  # fmt: skip
_ANSWER = (
    ("trading", "risklimits", "add"),
    ("trading", "strategyparameters", "add"),
    ("trading", "discrepancy", "change"),
    ("markets", "series", "change"),
)
_ARM = ("trading", "arming", "arm_trading")
ROLES: dict[str, tuple[tuple[str, str, str], ...]] = {
    OPERATORS: (*_OPERATE, *_LOOK),
    RISK_OFFICERS: (*_OPERATE, *_LOOK, *_ANSWER, _ARM),
}
_WORDS = {  # as Django makes them of the names of the models
    "traderstatus": "trader status",
    "risklimits": "risk limits",
    "strategyparameters": "strategy parameters",
    "tradingsession": "trading session",
    "backtestrun": "backtest run",
}
_NAMES = {"arm_trading": "Can arm trading with real orders"}


def make(apps: Any) -> None:
    """Make the groups with their rights, where they are not there yet. `apps` as a migration has them: the rights
    themselves may not have been made at that time."""
    groups = apps.get_model("auth", "Group").objects
    for role, rights in ROLES.items():
        group, is_new = groups.get_or_create(name=role)
        if is_new:
            group.permissions.set([_right(apps, *right) for right in rights])


def unmake(apps: Any) -> None:
    """Take the groups away again."""
    apps.get_model("auth", "Group").objects.filter(name__in=list(ROLES)).delete()


def _right(apps: Any, app: str, model: str, what: str) -> Any:
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(app_label=app, model=model)
    code = what if what in _NAMES else f"{what}_{model}"
    name = _NAMES.get(what) or f"Can {what} {_WORDS.get(model, model)}"
    rights = apps.get_model("auth", "Permission").objects
    return rights.get_or_create(content_type=kind, codename=code, defaults={"name": name[:255]})[0]
