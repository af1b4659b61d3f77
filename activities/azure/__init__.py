"""The Azure room: Traffic Manager profiles, on the official asyncio management client."""
