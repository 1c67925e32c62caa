"""The inputs of `hedgerow embed`, read one by one."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from hedgerow_client.cli.terminal import InputError

if TYPE_CHECKING:
    from hedgerow.embed.v1.embed_service_pb2 import StreamEmbedItem

ID_CHARACTERS_MAX = 128


def read_items(source: BinaryIO, name: str, jsonl: bool) -> Iterator["StreamEmbedItem"]:
    """The inputs in the file, read as they are needed. Raises InputError that names the line that cannot be used."""
    from hedgerow_client import item  # gRPC takes a while to load

    for number, raw in enumerate(source, start=1):
        try:
            line = raw.decode("utf-8").strip()
        except UnicodeDecodeError:
            raise InputError(f"{name}, line {number}: not UTF-8") from None
        if not line:
            continue
        item_id, text = _parse(line, str(number), f"{name}, line {number}") if jsonl else (str(number), line)
        yield item(item_id, text)


def count_lines(source: BinaryIO) -> int:
    """How many lines with something in them the file has. Goes back to the start."""
    count = sum(1 for line in source if not line.isspace())
    source.seek(0)
    return count


def _parse(line: str, default_id: str, where: str) -> tuple[str, str]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(record, dict) or not isinstance(record.get("text"), str) or not record["text"]:
        raise InputError(f'{where}: expected an object with a string "text" that is not empty')
    item_id = record.get("id", default_id)
    if (
        isinstance(item_id, bool)
        or not isinstance(item_id, str | int)
        or not 0 < len(str(item_id)) <= ID_CHARACTERS_MAX
    ):
        raise InputError(f'{where}: expected "id" to be a number or a string of 1 to {ID_CHARACTERS_MAX} characters')
    return str(item_id), record["text"]
