"""The one account: money is reserved, written down and settled here, for chats, local rows and native parts alike.

Nothing is paid twice, because every request that may cost money has one row in the ledger, written before it leaves;
the row's state is moved here and nowhere else (tests/test_layers.py holds that), and each move is one transaction
with whatever else it means: the turn of a chat, the result of a row, the state of a vendor's batch.

       nothing yet                     the budget is asked first (budget.reserve), then the row is written
            │                          (intent.write, intent.write_chunk): only now may the request leave
            ▼
        ┌────────┐  settlement.settle: it certainly did not run           ┌────────┐
        │ intent │ ─────────────────────────────────────────────────────▶ │ failed │  cost nothing
        └────────┘                                                        └────────┘
          │    │    settlement.settle: it ran to its end, or was cut      ┌─────────┐
          │    └────────────────────────────────────────────────────────▶ │ settled │  cost what is written,
          │                                                               └─────────┘  or is unpriced
          │         settlement.settle: it may have run, nobody says so         ▲
          │         recovery.after_a_run: the process died meanwhile           │
          ▼                                                                    │
       ┌─────────┐  settlement.settle: an answer that was still on its way     │
       │ unknown │ ────────────────────────────────────────────────────────────┘
       └─────────┘  call_records.settle_by_record: what the vendor says of it

failed and settled are ends: a second settlement of the same row changes nothing, so that a result that is read
twice, or written again after a full disk, is harmless. An intent may be sent again only while it is certain that it did
not run: an attempt that was refused (a rate limit), or a vendor's batch whose creation was never asked for. When the
process dies, a local row waits and gets a row of its own in the ledger; a row of a vendor's batch stays an intent
until the vendor has said what came of it (batch/native).

What is held back of the month's budget is the upper bound of every intent, and what jobs hold for the rows that they
have yet to send (budget.hold). An intent takes over its row's part of the job's hold in the transaction that writes it.
"""
