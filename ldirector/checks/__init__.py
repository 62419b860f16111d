"""The probes. Each module is one protocol and offers `async def check(spec, deadline) -> Verdict`.

deadline is an instant of the event loop's clock (monotonic seconds) at which the whole check is over. A check ends as
soon as its verdict is known, never raises for what a server does, and leaves nothing open when it is cancelled.
"""
