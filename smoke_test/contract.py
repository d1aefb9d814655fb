"""What the smoke test promises, written out for whoever judges an answer.

A literal on purpose: computed from the code that answers, it would change with every mistake in
that code.
"""

PATH = "/smoke-test/"
BODY = b'{"status":"ok","details":"PetSage smoke test feature is operational."}'
