"""A configuration of Hedgerow as it grows."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hedgerow_client.moving.report import Report
from hedgerow_client.moving.vendors import NEEDS_URL, Vendor

Section = dict[str, Any]

_NAME_CHARACTERS = 63
ROUTE_CANDIDATES_MAX = 32
ATTEMPTS_DEFAULT = 3
ATTEMPTS_MAX = 8
_ROUTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./:@-]{0,253}(/\*)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL = re.compile(r"https?://[^\s?#@]+")


def number(value: float) -> float | int:
    """The number, whole where it is."""
    return int(value) if value == int(value) else value


def plain_name(text: str) -> str:
    """A name that the configuration takes, made of any text."""
    return re.sub(r"[^a-z0-9_.-]+", "-", text.lower()).strip("-_.")[:_NAME_CHARACTERS] or "unnamed"


def is_route(name: str) -> bool:
    """Whether callers may say this name."""
    return _ROUTE.fullmatch(name) is not None


def is_url(text: str) -> bool:
    """Whether a provider may be there."""
    return _URL.fullmatch(text) is not None


@dataclass(slots=True)
class Draft:
    """The sections so far."""

    report: Report
    """What is to be said."""
    credentials: Section = field(default_factory=dict)
    """Where secrets are, by name."""
    providers: Section = field(default_factory=dict)
    """The providers, by name."""
    routes: Section = field(default_factory=dict)
    """The routes, by name."""
    others: Section = field(default_factory=dict)
    """All other sections."""
    _plain: dict[str, str] = field(default_factory=dict, repr=False)
    """The environment variables that stand for secrets of the source, by these secrets."""

    def env_credential(self, variable: str) -> str:
        """The name of the credential that is in an environment variable."""
        for name, one in self.credentials.items():
            if one == {"source": "env", "variable": variable}:
                return str(name)
        name = self._free(plain_name(variable.replace("_", "-")), self.credentials)
        self.credentials[name] = {"source": "env", "variable": variable}
        return name

    def plain_credential(self, secret: str, wanted: str, path: str) -> str:
        """The credential for a secret that stands in the source: an environment variable, in which it is to be put."""
        variable = self._plain.get(secret)
        if variable is None:
            # Not the usual variable: another key of the source may be in it.
            variable = base = f"HEDGEROW_{wanted}"
            number = 2
            while variable in self._plain.values():
                variable, number = f"{base}_{number}", number + 1
            self._plain[secret] = variable
        self.report.partly(path, f"the secret is not copied: put it into the environment variable {variable}")
        return self.env_credential(variable)

    def key_credential(self, value: str, prefix: str, fallback: str, path: str) -> str:
        """The credential for a value that is a secret or, behind `prefix`, the name of an environment variable."""
        variable = value.removeprefix(prefix)
        if value.startswith(prefix) and _VARIABLE.fullmatch(variable):
            return self.env_credential(variable)
        return self.plain_credential(value, fallback, path)

    def credential(self, name: str, section: Mapping[str, Any]) -> str:
        """The name of a credential from another source."""
        for known, one in self.credentials.items():
            if one == section:
                return str(known)
        free = self._free(name, self.credentials)
        self.credentials[free] = dict(section)
        return free

    def provider(self, vendor: Vendor, path: str, **section: Any) -> str:
        """The name of the provider with this section; None values are left out. Empty, and reported, where the vendor's
        address has to be said and was not.
        """
        if not section.get("base_url") and vendor.name in NEEDS_URL:
            self.report.left_out(path, f"{vendor.name} needs the address of the account, which is not said")
            return ""
        entry: Section = {"dialect": vendor.dialect}
        if vendor.preset and vendor.dialect == "openai":
            entry["vendor"] = vendor.preset
        if vendor.default_url and not section.get("base_url"):
            entry["base_url"] = vendor.default_url
        entry |= {key: value for key, value in section.items() if value}
        for name, one in self.providers.items():
            if json.dumps(one, sort_keys=True) == json.dumps(entry, sort_keys=True):
                return str(name)
        name = self._free(plain_name(vendor.name), self.providers)
        self.providers[name] = entry
        return name

    def section(self, name: str) -> Section:
        """Another section, made where it is not there."""
        found: Section = self.others.setdefault(name, {})
        return found

    def needs_keys(self) -> None:
        """Callers show API keys, which are kept in a store."""
        self.others.setdefault("store", {"path": "hedgerow.db"})
        self.section("identity")["api_keys"] = {"pepper": self.env_credential("HEDGEROW_PEPPER")}

    def whole(self) -> Section:
        """The configuration, in the order in which people read it."""
        order = ("deadline", "identity", "store", "quotas", "budgets", "sharing", "guardrails", "cache", "breaker")
        found = {name: self.others[name] for name in order if name in self.others}
        if self.credentials:
            found["credentials"] = self.credentials
        found |= {"providers": self.providers, "routes": self.routes}
        return found | {name: section for name, section in self.others.items() if name not in found}

    def _free(self, name: str, taken: Mapping[str, Any]) -> str:
        if name not in taken:
            return name
        number = 2
        while f"{name}-{number}" in taken:
            number += 1
        return f"{name}-{number}"


def whole_weights(weights: list[float]) -> list[int]:
    """Weights as whole numbers in the same proportions, none above a million."""
    if all(weight == int(weight) for weight in weights) and max(weights, default=0) <= 1_000_000:
        return [int(weight) for weight in weights]
    total = sum(weights)
    return [max(1, round(weight / total * 1000)) if weight else 0 for weight in weights]
