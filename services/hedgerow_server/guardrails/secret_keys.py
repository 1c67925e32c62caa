"""How the keys of providers and services are written, as they publish it themselves."""

from collections.abc import Iterator

from hedgerow_server.guardrails.forms import Form, Span

LONGEST = 512
"""Bytes of a key that is no token of its own structure (JSON Web Tokens are longer)."""

# Category, prefix (a literal that no other text has), body. Both RE2.
_PREFIXED: tuple[tuple[str, str, str], ...] = (
    ("anthropic", "sk-ant-", r"[a-z]{2,10}[0-9]{2}-[A-Za-z0-9_\-]{24,}"),
    ("openai", "sk-(?:proj|svcacct|admin|None)-", r"[A-Za-z0-9_\-]{20,}"),
    ("openrouter", "sk-or-v1-", "[0-9a-f]{64}"),
    ("langfuse", "sk-lf-", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("openai", "sk-", "[A-Za-z0-9]{32,}"),
    ("google", "AIza", r"[A-Za-z0-9_\-]{35}"),
    ("google", r"ya29\.", r"[A-Za-z0-9_\-]{20,}"),
    ("google", "GOCSPX-", r"[A-Za-z0-9_\-]{28}"),
    ("aws", "(?:AKIA|ASIA|ABIA|ACCA)", "[A-Z0-9]{16}"),
    ("aws", "ABSK", "[A-Za-z0-9+/]{80,}={0,2}"),
    ("aws", "bedrock-api-key-", "[A-Za-z0-9+/=]{40,}"),
    ("azure", "[A-Za-z0-9]{30,80}(?:JQQJ99|AzureML|AACA)", "[A-Za-z0-9]{8,50}={0,2}"),
    ("azure", r"[A-Za-z0-9_~.]{3}[0-9]Q~", r"[A-Za-z0-9_~.\-]{31,34}"),
    ("github", "gh[pousr]_", "[A-Za-z0-9]{36,}"),
    ("github", "github_pat_", "[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    ("gitlab", "gl(?:pat|ptt|dt|rt|cbt|ft|soat|imt|agent|oas|ffct)-", r"[A-Za-z0-9_\-.]{20,}"),
    ("slack", "xox[abeoprs]-", r"[A-Za-z0-9\-]{10,}"),
    ("slack", "xapp-", r"[0-9]-[A-Z0-9]{8,}-[0-9]{8,}-[a-f0-9]{32,}"),
    ("slack", r"hooks\.slack\.com/(?:services|workflows|triggers)/", r"[A-Za-z0-9+/]{30,}"),
    ("stripe", "(?:sk|rk)_(?:live|test)_", "[A-Za-z0-9]{10,}"),
    ("stripe", "whsec_", "[A-Za-z0-9+/=]{24,}"),
    ("twilio", "(?:AC|SK)", "[0-9a-f]{32}"),
    ("sendgrid", r"SG\.", r"[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{16,64}"),
    ("mailgun", "key-", "[0-9a-f]{32}"),
    ("mailchimp", "[0-9a-f]{32}-us", "[0-9]{1,2}"),
    ("huggingface", "(?:hf|api_org)_", "[A-Za-z0-9]{30,}"),
    ("npm", "npm_", "[A-Za-z0-9]{36}"),
    ("pypi", "pypi-", r"[A-Za-z0-9_\-]{50,}"),
    ("rubygems", "rubygems_", "[0-9a-f]{48}"),
    ("crates", "cio", "[A-Za-z0-9]{32}"),
    ("docker", "dckr_(?:pat|oat)_", r"[A-Za-z0-9_\-]{20,}"),
    ("digitalocean", "do[opr]_v1_", "[0-9a-f]{64}"),
    ("vault", r"hv[sbr]\.", r"[A-Za-z0-9_\-]{20,}"),
    ("terraform", r"[A-Za-z0-9]{14}\.atlasv1\.", r"[A-Za-z0-9_\-=]{60,70}"),
    ("databricks", "dapi", "[0-9a-f]{32}(?:-[0-9])?"),
    ("groq", "gsk_", "[A-Za-z0-9]{40,}"),
    ("xai", "xai-", "[A-Za-z0-9]{60,}"),
    ("perplexity", "pplx-", "[A-Za-z0-9]{40,}"),
    ("replicate", "r8_", "[A-Za-z0-9]{37}"),
    ("nvidia", "nvapi-", r"[A-Za-z0-9_\-]{60,}"),
    ("cerebras", "csk-", "[a-z0-9]{40,}"),
    ("fireworks", "fw_", "[A-Za-z0-9]{22,}"),
    ("pinecone", "pcsk_", "[A-Za-z0-9_]{40,}"),
    ("langsmith", "lsv2_(?:pt|sk)_", "[0-9a-f]{32}_[0-9a-f]{10}"),
    ("linear", "lin_(?:api|oauth)_", "[A-Za-z0-9]{32,}"),
    ("notion", "(?:ntn|secret)_", "[A-Za-z0-9]{40,}"),
    ("shopify", "shp(?:at|ca|pa|ss)_", "[A-Fa-f0-9]{32}"),
    ("square", "(?:sq0[a-z]{3}-|EAAA)", r"[A-Za-z0-9_\-]{22,60}"),
    ("grafana", "gl(?:c|sa)_", r"[A-Za-z0-9+/_]{32,}={0,2}"),
    ("newrelic", "NRAK-", "[A-Z0-9]{27}"),
    ("sentry", "sntry[su]_", "[A-Za-z0-9+/=_]{40,}"),
    ("postman", "PMAK-", "[0-9a-f]{24}-[0-9a-f]{34}"),
    ("doppler", r"dp\.(?:pt|st|ct|sa|scim|audit)\.", r"[A-Za-z0-9._\-]{40,}"),
    ("atlassian", "ATATT3", r"[A-Za-z0-9_\-=]{100,}"),
    ("telegram", "[0-9]{8,10}:AA", r"[A-Za-z0-9_\-]{33}"),
    ("discord", r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.", r"[A-Za-z0-9_\-]{27,45}"),
    ("supabase", "sbp_", "[0-9a-f]{40}"),
    ("figma", "figd_", r"[A-Za-z0-9_\-]{40,}"),
    ("airtable", r"pat[A-Za-z0-9]{14}\.", "[0-9a-f]{64}"),
    ("planetscale", "pscale_(?:tkn|pw|oauth)_", r"[A-Za-z0-9_\-.=]{32,}"),
    ("age", "AGE-SECRET-KEY-1", "[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    ("onepassword", "ops_eyJ", "[A-Za-z0-9+/]{100,}={0,3}"),
    ("alibaba", "LTAI", "[A-Za-z0-9]{16,24}"),
)
_TRIGGERS = {
    "[A-Za-z0-9]{30,80}(?:JQQJ99|AzureML|AACA)": "JQQJ99|AzureML|AACA",
    r"[A-Za-z0-9_~.]{3}[0-9]Q~": "Q~",
    "[0-9a-f]{32}-us": "-us[0-9]",
    r"[A-Za-z0-9]{14}\.atlasv1\.": "atlasv1",
    "(?:sq0[a-z]{3}-|EAAA)": "sq0|EAAA",
    "[0-9]{8,10}:AA": ":AA",
    r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.": r"\.[A-Za-z0-9_\-]{6}\.",
    r"pat[A-Za-z0-9]{14}\.": r"pat[A-Za-z0-9]{14}\.",
}
"""What stands in all keys whose prefix would be too many states for a trigger."""
CATEGORIES = tuple(dict.fromkeys(category for category, _, _ in _PREFIXED))
"""Whose keys are known by their form."""


def key(data: bytes, start: int, end: int) -> Span | int:
    """The form says it all; what is longer than any key is none."""
    if end - start > LONGEST or data[end : end + 1].isalnum() or data[end : end + 1] == b"_":
        return end
    if start and data[start - 1] in b"-":
        return end
    return start, end


def forms() -> Iterator[Form]:
    """One for each category: patterns of a category differ in their prefix."""
    for category in CATEGORIES:
        known = [(prefix, body) for name, prefix, body in _PREFIXED if name == category]
        pattern = "|".join(f"{prefix}{body}" for prefix, body in known)
        yield Form(category, rf"\b(?:{pattern})", "|".join(_TRIGGERS.get(prefix, prefix) for prefix, _ in known), key)
