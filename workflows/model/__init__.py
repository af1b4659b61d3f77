"""The language: every document and message as a frozen model. Imports nothing of ours."""
