"""What a saved page holds, read back from its text."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re


def parts(text):
    """The page's script, style sheet, policy and saved widgets."""
    scripts = dict(re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL))
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    saved = json.loads(scripts[' type="application/json" id="saved"'])
    return {"script": scripts[""], "style": style, "policy": html.unescape(policy), "saved": saved}


def hash_of(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def state_of(text, index=0):
    """A saved widget's state, its bytes unpacked."""
    state = parts(text)["saved"]["widgets"][index]["state"]
    return {name: unpacked(value) for name, value in state.items()}


def unpacked(value):
    if isinstance(value, dict) and "$gzip" in value:
        return gzip.decompress(base64.b64decode(value["$gzip"]))
    return value
