"""What a program in Python does with the package invokeai-py-client: boards, upload, inputs, runs, downloads.

Usage: python client.py <url of the server> <workflow file>
Prints one JSON object without names and times, so that what two servers answered can be compared.
"""

import asyncio
import io
import json
import sys
import urllib.request
import uuid

from invokeai_py_client import InvokeAIClient
from invokeai_py_client.workflow import WorkflowDefinition
from PIL import Image

url, workflow_file = sys.argv[1:3]
client = InvokeAIClient.from_url(url)
boards = client.board_repo
told = {}
# another name each time, so that what an earlier run left does not count
board_name = f"strangers {uuid.uuid4()}"


def picture(width, height):
    image = Image.new("RGB", (width, height))
    image.putdata([(x * 255 // width, y * 255 // height, 90) for y in range(height) for x in range(width)])
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return [image.format, image.mode, *image.size]


# boards and images
handle = boards.create_board(board_name)
board = boards.get_board_by_id(handle.board_id)
told["board"] = [board.board_name == board_name, board.image_count, len(boards.get_boards_by_name(board_name))]
uploaded = handle.upload_image_data(picture(40, 30), "photo.png")
told["upload"] = [uploaded.width, uploaded.height, str(uploaded.image_category), uploaded.is_intermediate]
told["listed"] = handle.list_images() == [uploaded.image_name]
told["download of the upload"] = opened(handle.download_image(uploaded.image_name))
told["thumbnail"] = opened(handle.download_image(uploaded.image_name, full_resolution=False))[:1]
told["starred"] = [handle.star_image(uploaded.image_name), handle.unstar_image(uploaded.image_name)]

# a workflow and its inputs
with open(workflow_file, encoding="utf-8") as file:
    definition = json.load(file)
# the package refuses newer ones, but what it reads of them is the same
definition["meta"]["version"] = "3.0.0"
workflow = client.workflow_repo.create_workflow(WorkflowDefinition.from_dict(definition))
inputs = workflow.list_inputs()
told["inputs"] = [
    [one.input_index, one.label, one.node_name, one.field_name, type(one.field).__name__, one.required]
    for one in inputs
]
for one in inputs:
    if type(one.field).__name__ == "IvkImageField":
        one.field.value = uploaded.image_name


def results(item):
    session = item["session"]
    sources = session["prepared_source_mapping"]
    nodes = session["graph"]["nodes"]
    return sorted(
        [nodes[sources[prepared]]["type"], output["type"], output.get("width"), output.get("height")]
        for prepared, output in session["results"].items()
    )


# a run that is waited for by asking
statuses = []
submission = workflow.submit_sync()
item = workflow.wait_for_completion_sync(
    poll_interval=0.05, timeout=60, progress_callback=lambda one: statuses.append(one["status"])
)
told["submission"] = sorted(submission), len(submission["item_ids"]), submission["enqueued"]
told["run"] = [item["status"], statuses[-1], results(item)]
made = [
    output["image"]["image_name"]
    for output in item["session"]["results"].values()
    if output["type"] == "image_output" and output["image"]["image_name"] != uploaded.image_name
]
anywhere = boards.get_uncategorized_handle()
told["download of the result"] = sorted(opened(anywhere.download_image(name)) for name in made)
status = client.queue_repo.get_queue("default").get_status()
told["queue"] = [status.queue.pending, status.queue.in_progress]


def control(processor):
    """Pauses or resumes the queue."""
    request = urllib.request.Request(f"{url}/api/v1/queue/default/processor/{processor}", method="PUT")
    urllib.request.urlopen(request).close()


async def follow():
    """A run that is waited for by Socket.IO events."""
    seen = []
    await client.connect_socketio()
    # the package subscribes after it has enqueued: a run that ends before that would be waited for in vain
    control("pause")
    submitted = await workflow.submit(
        subscribe_events=True,
        on_invocation_started=lambda event: seen.append(event["invocation"]["type"]),
    )
    await asyncio.sleep(1)
    control("resume")
    end = await workflow.wait_for_completion(timeout=60)
    await client.disconnect_socketio()
    return [len(submitted["item_ids"]), end["status"], results(end)]


told["run by events"] = asyncio.run(follow())

# and all is taken away again
for name in made:
    told["deleted"] = anywhere.delete_image(name)
told["board deleted"] = boards.delete_board(handle.board_id, delete_images=True)
told["left"] = [len(boards.get_boards_by_name(board_name)), boards.get_image_by_name(uploaded.image_name) is None]

print(json.dumps(told, default=str))
