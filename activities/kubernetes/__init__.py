"""The Kubernetes room: scale a workload, fence a workload, on the official asyncio client."""
