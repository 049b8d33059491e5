"""The items of scripts/bench.ts with the package invokeai-py-client: the inputs of a workflow on a server, and jobs in turn."""

import json
import resource
import sys
import time

item, url, workflow_file = sys.argv[1:4]
jobs = int(sys.argv[6]) if len(sys.argv) > 6 else 1


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1000


def report(began, cpu_before):
    print(json.dumps({
        "time": (time.time() - began) * 1000,
        "cpu": cpu() - cpu_before,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


def process_start():
    """When the process began, of the system's clock."""
    with open("/proc/self/stat", encoding="utf-8") as file:
        ticks = int(file.read().rsplit(") ", 1)[1].split()[19])
    with open("/proc/uptime", encoding="utf-8") as file:
        up = float(file.read().split()[0])
    import os

    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")


from invokeai_py_client import InvokeAIClient  # noqa: E402
from invokeai_py_client.workflow import WorkflowDefinition  # noqa: E402

client = InvokeAIClient.from_url(url)
with open(workflow_file, encoding="utf-8") as file:
    definition = json.load(file)
definition["meta"]["version"] = "3.0.0"  # the package refuses newer ones, but what it reads of them is the same
workflow = client.workflow_repo.create_workflow(WorkflowDefinition.from_dict(definition))
if item == "server-inputs":
    assert len(workflow.list_inputs()) > 0
    report(process_start(), 0)
else:
    def job():
        workflow.submit_sync()
        assert workflow.wait_for_completion_sync(poll_interval=0.05, timeout=60)["status"] == "completed"

    job()
    began, cpu_before = time.time(), cpu()
    for _ in range(jobs):
        job()
    report(began, cpu_before)
