# The two commands of the README: make demo, make test. Everything they need is set up by them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO_DIR ?= etc/ha.d
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make demo     the whole cluster in User-Mode Linux, with a timeline (DEMO_DIR=$(DEMO_DIR))"
	@echo "make test     every test but the nightly ones; those that need root or a guest kernel say so when left out"
	@echo "make nightly  the long tests: 175,000 broken files, two million datagrams, every captured case of the original on"
	@echo "              real IPVS, 100 takeovers in a mixed pair, 1,200 kills, twice 500 cycles of faults"
	@echo "make faults   every fault there is, on pairs in namespaces, judged from outside; a failed case is drawn"
	@echo "make bench    beside ldirectord 4.12 and keepalived 2.2.7, into tests/bench/RESULTS.md (BENCH=short: quick)"
	@echo "make bench-failover, bench-addresses  every fault beside keepalived and the originals, into tests/bench/FAILOVER.md"
	@echo "make bench-interop  fail-over times of mixed pairs, into tests/bench/MIXED.md"
	@echo "make check    format, lint, types, fast tests without root"
	@echo "make interop  a pair with one node of the original heartbeat (without the long tests of make nightly)"
	@echo "make peers    fetch keepalived, heartbeat and ldirectord of Debian into .venv, for hbeat-migrate rehearse --against"
	@echo "make install  [PREFIX=/usr/local] [DESTDIR=]; make uninstall takes it away again"

$(BIN)/.ready: setup.cfg pyproject.toml hbeat/programs/hb_standby
	./setup/venv $(PYTHON) $(VENV)
	touch $@

.PHONY: venv system-packages server-packages
venv: $(BIN)/.ready
system-packages:
	./setup/packages
server-packages:
	./setup/packages servers

.PHONY: demo test nightly interop faults check format
demo: venv system-packages
	$(BIN)/hbeat-migrate rehearse $(DEMO_DIR)

test: check system-packages server-packages peers
	$(MAKE) interop
	$(BIN)/python -m pytest tests/zoo
	$(BIN)/python -m pytest -n 2 tests/servers
	$(BIN)/python -m pytest tests/kernel
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not alone" tests/system
	$(BIN)/python -m pytest -m alone tests/system
	$(MAKE) faults
	BENCH=short $(BIN)/python -m tests.bench
	BENCH=short $(BIN)/python -m tests.bench.mixed

nightly: original
	$(BIN)/python -m pytest -n 2 --nightly tests/fuzz
	$(BIN)/python -m pytest --nightly tests/kernel/test_vectors.py tests/system/test_flood.py tests/system/test_load.py
	$(INTEROP) --nightly
	$(MAKE) faults LONG=--nightly

# One node with Debian's heartbeat 3.0.6, one with hbeat. The original is a layer in .venv which the nodes alone have:
# nothing of it is installed here. The pairs mostly wait, so there are more of them than processors.
INTEROP := $(BIN)/python -m pytest -n 6 --maxschedchunk 1 tests/interop
.PHONY: original
original: venv system-packages
	./setup/original $(VENV)/peers/heartbeat
interop: original
	$(INTEROP)

# The fault matrix with its negative controls: in guests, then on pairs of this machine. FAULTS_SEED=N plays
# the random instants of another run again, LONG=--nightly many more.
faults: venv system-packages
	$(BIN)/python -m pytest $(LONG) tests/faults/live/test_guest.py
	$(BIN)/python -m pytest $(LONG) -n 4 --maxschedchunk 1 tests/faults/live --ignore=tests/faults/live/test_guest.py

check: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --ignore=tests/kernel --ignore=tests/system --ignore=tests/servers --ignore=tests/interop --ignore=tests/zoo --ignore=tests/faults/live

# The programs that this suite is compared with, below .venv: for the bench, and for hbeat-migrate rehearse --against.
.PHONY: peers bench-packages
bench-packages:
	./setup/packages bench
peers: original bench-packages
	$(BIN)/python -m tests.bench.peers

# Under 20 minutes; BENCH=short takes under five and prints its tables instead.
.PHONY: bench
bench: venv system-packages bench-packages
	$(BIN)/python -m tests.bench

# Fail-over beside keepalived and the originals; hours. FAULTS: arguments such as "--repeat 1 --faults power-off".
.PHONY: bench-failover
bench-failover: peers
	$(BIN)/python -m tests.bench.failover $(FAULTS)

# Addresses alone, on this machine's own kernel; the rows join those of bench-failover. Forty minutes.
.PHONY: bench-addresses
bench-addresses: venv system-packages bench-packages
	$(BIN)/python -m tests.bench.addresses

# Both processors loaded for ten minutes: how many false takeovers there are; joins the rows of bench-failover.
.PHONY: bench-load
bench-load: venv system-packages
	$(BIN)/python -m tests.bench.load

# The same handovers in mixed pairs, beside two originals and two of ours: tests/bench/MIXED.md; five minutes.
.PHONY: bench-interop
bench-interop: original
	$(BIN)/python -m tests.bench.mixed

# Programs, init scripts and samples; nothing that is in /etc/ha.d is overwritten. The Python programs get a virtual
# environment of their own. DESTDIR is for packagers: files go below it, and work once they are moved to /.
.PHONY: install uninstall
PREFIX  ?= /usr/local
DESTDIR ?=
install:
	./setup/install $(PYTHON) $(PREFIX) "$(DESTDIR)"
uninstall:
	./setup/uninstall $(PREFIX) "$(DESTDIR)"

# The manual pages, from the tables that drive the programs; a test compares them.
.PHONY: man
man: venv
	$(BIN)/python -m ldirector.manual >man/ldirectord.8
	$(BIN)/python -m hbeat.manual man

format: venv
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
