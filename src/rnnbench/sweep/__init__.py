"""Many runs at once: each in a process of its own, watched from outside, and the ledger of what became of them."""
