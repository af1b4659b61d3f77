"""What people must agree to: pure decisions about approvals and about the way back.

It knows nothing of Temporal and draws neither time nor chance: both are handed in. The rules hold
here, in the validators of the workflow's updates; no client can leave them out.
"""
