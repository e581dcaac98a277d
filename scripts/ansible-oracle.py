"""Answers of the installed Ansible, for compare-with-ansible.js.

One JSON question a line: {"cwd", "sources", "patterns"}; one JSON answer a line: {"error"} or {"groups",
"list", "patterns"}, each pattern with its hosts or error.
"""

import json
import os
import sys

os.environ.setdefault("ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED", "true")
os.environ.setdefault("ANSIBLE_HOST_PATTERN_MISMATCH", "error")
os.environ.setdefault("ANSIBLE_LOCALHOST_WARNING", "false")

from ansible import context  # noqa: E402
from ansible.cli.inventory import INTERNAL_VARS, InventoryCLI  # noqa: E402
from ansible.inventory.manager import InventoryManager  # noqa: E402
from ansible.module_utils.common.collections import ImmutableDict  # noqa: E402
from ansible.parsing.ajson import AnsibleJSONEncoder  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.vars.manager import VariableManager  # noqa: E402

context.CLIARGS = ImmutableDict(export=False, basedir=None, yaml=False, toml=False)
answers = os.fdopen(os.dup(1), "w")
# Ansible's warnings go nowhere: only its answers count.
devnull = os.open(os.devnull, os.O_WRONLY)
os.dup2(devnull, 1)
os.dup2(devnull, 2)


def hosts_of(inventory, pattern, limit):
    inventory.subset(limit)
    try:
        return {"hosts": [host.name for host in inventory.get_hosts(pattern)]}
    except Exception as error:  # whatever it is, Ansible has no answer
        return {"error": str(error)}
    finally:
        inventory.subset(None)
        # An implicit localhost would keep the name that was asked for first.
        if inventory._inventory.localhost is not None and inventory._inventory.localhost.implicit:
            inventory._inventory.localhost = None
        inventory.clear_caches()


def answer(question):
    os.chdir(question["cwd"])
    loader = DataLoader()
    try:
        inventory = InventoryManager(loader=loader, sources=question["sources"])
        cli = InventoryCLI(["ansible-inventory", "--list"])
        cli.loader, cli.inventory = loader, inventory
        cli.vm = VariableManager(loader=loader, inventory=inventory)
        listed = cli.json_inventory(inventory.groups["all"])
        groups = {
            group.name: {
                "hosts": [host.name for host in group.get_hosts()],
                "depth": group.depth,
                "priority": group.priority,
            }
            for group in inventory.groups.values()
        }
        text = json.dumps(listed, cls=AnsibleJSONEncoder, preprocess_unsafe=True)
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}
    patterns = [
        hosts_of(inventory, one["pattern"], one.get("limit")) for one in question["patterns"]
    ]
    return {"groups": groups, "list": json.loads(text), "patterns": patterns}


assert "groups" in INTERNAL_VARS
for line in sys.stdin:
    answers.write(json.dumps(answer(json.loads(line))) + "\n")
    answers.flush()
