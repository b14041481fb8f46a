# Postern: the commands that people and CI use. Each one does all that it needs on a Debian machine with Go.

GO         ?= go
FUZZTIME   ?= 30s
CRASH_SEEDS ?= 10000
BENCH      ?= all
VERSION    ?=
PKG        ?= ./...

# The journal's store keeps its cache outside of Go's heap only with cgo; the measured memory depends on it.
export CGO_ENABLED = 1

LDFLAGS = $(if $(VERSION),-X main.Version=$(VERSION))

.PHONY: build run test check fuzz crash bench demo
.DEFAULT_GOAL := build

build:
	@.ci/tools gcc certificates
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o postern ./cmd/postern

# The gateway in the foreground. Without a configuration file in ./postern-data the embedded defaults hold.
run: build
	@.ci/hello
	@exec ./postern serve --data ./postern-data

test:
	@.ci/tools gcc certificates smtp-sink swaks xmllint snmpwalk snmptrapd rsyslogd sshd sftp
	$(GO) test -race -shuffle=on -timeout 30m $(PKG)

# All that can be said without running the product. staticcheck is pinned in go.mod, as a tool.
check:
	@.ci/tools gcc certificates
	@unformatted=$$(gofmt -l $$($(GO) list -e -f '{{.Dir}}' ./...)) && test -z "$$unformatted" || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) mod verify
	@.ci/tidy $(GO)
	$(GO) test -count=1 -run '^(TestImports|TestOnlyJournalKnowsItsStore|TestNoSleepInRealTime)$$' ./cmd/postern
	$(GO) tool staticcheck ./...

# Every fuzz target for FUZZTIME, one after the other.
fuzz:
	@.ci/tools gcc certificates
	@set -e; for package in $$($(GO) list $(PKG)); do \
		targets=$$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); \
		for target in $$targets; do \
			echo "== $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

# Power cuts, failing disks and whole histories at random. A failure prints its seed. The journal's own take their number as a flag.
crash:
	@.ci/tools gcc certificates
	$(GO) test -count=1 -timeout 0 -run 'PowerCut' ./journal -seeds $(CRASH_SEEDS)
	POSTERN_CRASH_SEEDS=$(CRASH_SEEDS) $(GO) test -count=1 -timeout 0 -run 'PowerCut|Crash' $$($(GO) list ./... | grep -v '^postern/journal$$')
	POSTERN_MODEL_SEEDS=$(CRASH_SEEDS) POSTERN_FAULT_SEEDS=$(CRASH_SEEDS) $(GO) test -count=1 -timeout 0 -run '^(TestModel|TestFaults)$$' ./engine

# Every figure that has a "must"; fails below one, and writes them to bench/figures.md. It takes 25 minutes; BENCH="relay
# idle" takes only those again.
bench: build
	@.ci/tools smtp-sink
	$(GO) run ./bench/postern-bench $(BENCH)

# Gateway and sink on this machine, a mixed load, and the status: for somebody who has five minutes.
demo: build
	$(GO) run ./bench/postern-bench demo
