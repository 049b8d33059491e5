"""Whether what docs/guides/from-python.md says of the package invokeai-py-client is so.

Usage: python guide.py <url of a server that answers the first enqueue with 503 after it has done it> <workflow file> <name>…
Prints one JSON object: the names that nothing in the package has, which files it reads, how many items one submission made,
and when the subscription to events is sent.
"""

import inspect
import json
import sys

import invokeai_py_client
from invokeai_py_client import InvokeAIClient
from invokeai_py_client.board import board_handle, board_repo
from invokeai_py_client.workflow import WorkflowDefinition, workflow_handle, workflow_model

url, workflow_file, *names = sys.argv[1:]
modules = [invokeai_py_client, board_handle, board_repo, workflow_handle, workflow_model]
classes = [one for module in modules for _, one in inspect.getmembers(module, inspect.isclass)]
known = {name for one in classes for name in dir(one)}
for one in classes:
    for _, function in inspect.getmembers(one, inspect.isfunction):
        known |= set(inspect.signature(function).parameters)

with open(workflow_file, encoding="utf-8") as file:
    definition = json.load(file)
client = InvokeAIClient.from_url(url)


def created(version):
    definition["meta"]["version"] = version
    return client.workflow_repo.create_workflow(WorkflowDefinition.from_dict(definition))


try:
    created("4.0.0")
    refuses = False
except Exception:
    refuses = True
workflow = created("3.0.0")
workflow.submit_sync()
status = client.queue_repo.get_queue("default").get_status()

source = inspect.getsource(workflow_handle.WorkflowHandle.submit)
told = {
    "unknown": [name for name in names if name not in known],
    "refuses schema version 4": refuses,
    "items": status.queue.total,
    "subscribes after enqueueing": source.rindex("subscribe_events") > source.rindex("enqueue_batch"),
}
print(json.dumps(told))
