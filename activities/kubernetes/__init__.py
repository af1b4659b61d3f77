"""The Kubernetes room: scale, fence or isolate workloads, on the official asyncio client."""
