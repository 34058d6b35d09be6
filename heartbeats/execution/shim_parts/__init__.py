"""The parts of the shim. They load in a bare interpreter, so nothing here imports more than small built-in modules.

A plain `import json`, `signal` or `socket` pulls in `re` and `enum` and doubles the start-up time of every run;
hence the C modules beneath them (`_json`, `_signal`, `_socket`) are used directly. Third-party code is out of reach.
"""
