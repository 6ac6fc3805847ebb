"""Plugins: discovery, options, identity, context, weights, and what is missing."""

from __future__ import annotations

from thbench.plugins.discovery import KINDS, Broken, Owner, Registered, Registry, registry

__all__ = ["KINDS", "Broken", "Owner", "Registered", "Registry", "registry"]
