"""Tells where a router serves: in its log, and in a file for whoever has started it."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec


def announce(addresses: Mapping[str, str], ports_file: Path | None, log: logging.Logger) -> None:
    """`addresses` are HOST:PORT by door; the file has them as a JSON object, whole or not at all."""
    if ports_file is not None:
        fresh = ports_file.with_name(f".{ports_file.name}.{os.getpid()}")
        fresh.write_bytes(msgspec.json.encode(addresses))
        fresh.replace(ports_file)
    log.info("serving gRPC on %(grpc)s, admin gRPC on %(admin_grpc)s, admin HTTP on %(admin_http)s", addresses)
    if "http" in addresses:
        log.info("serving OpenAI's and Anthropic's APIs on %(http)s", addresses)
