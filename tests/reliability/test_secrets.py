"""No credential of a worker ever reaches a history, a log or a report."""

import base64

from support.rig import Rig


async def test_a_recovery_leaves_no_credential_anywhere(rig: Rig) -> None:
    token = rig.lab.env["HOLDFAST_AZURE_TOKEN"]

    run = await rig.recover("plant-munich")

    handle = rig.temporal.get_workflow_handle(run.status.workflow_id)
    history = await handle.fetch_history()
    payloads = b"".join(
        payload
        for event in history.events
        for payload in (event.SerializeToString(), base64.b64encode(event.SerializeToString()))
    )
    assert run.broken == []
    assert token.encode() not in payloads
    assert token not in run.status.model_dump_json()
    assert token not in "".join(worker.log.read_text() for worker in rig.workers)
