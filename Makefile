# Everything one does with this repository. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
BIN     := $(or $(shell go env GOBIN),$(shell go env GOPATH)/bin)
RACE    ?= -race
# The packages that take longest begin first, so that nobody waits for one of them alone in the end.
PKG     ?= ./cmd/docuvault ./adapters/minio ./...

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## run a whole vault on this machine, everything embedded (installs PostgreSQL's binaries if there are none)
	@.ci/deps run
	@go build -o bin/docuvault ./cmd/docuvault
	@exec bin/docuvault up

.PHONY: build
build: ## build bin/docuvault
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/docuvault ./cmd/docuvault

.PHONY: test-deps
test-deps: ## install what the tests need
	@.ci/deps test

.PHONY: test
test: test-deps ## run every test on real PostgreSQL, Redis, S3 and Celery, with the race detector
	@# Code for the readers' WebAssembly is made once, and without the race detector, under which it takes minutes.
	go test -count=1 -timeout 10m -run '^TestEnginesAreCompiled$$' ./adapters/extract ./cmd/docuvault
	go test $(RACE) -timeout 20m $(PKG)
	go test -C docs/examples $(RACE) ./...
	@docker info >/dev/null 2>&1 || echo 'NOT RUN: TestConformanceInContainer of adapters/postgres, because no Docker daemon answers here.'

.PHONY: test-containers
CONTAINER_PKG ?= ./internal/testenv ./adapters/postgres ./adapters/schema ./adapters/minio ./adapters/tasks ./adapters/celery ./adapters/ratelimit ./cmd/docuvault
test-containers: test-deps ## the integration suites on containers, and compose.yaml as a whole; images by variable (.ci/containers sets all up)
	@docker info >/dev/null || { echo 'no Docker daemon answers: start one, or let .ci/containers do it'; exit 1; }
	TESTENV=containers go test -p 1 -timeout 20m $(CONTAINER_PKG)
	go test -tags containers -count=1 -v -timeout 30m -run '^(TestWholeVault|TestProductionRefusesPlaceholders)$$' ./internal/compose

.PHONY: image
image: ## build the vault's container image, docuvault:local
	docker build --network host -f compose/Dockerfile -t docuvault:local --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
		$(if $(GO_IMAGE),--build-arg GO_IMAGE=$(GO_IMAGE)) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) .

.PHONY: kubernetes
kubernetes: ## render the kustomize base and hold it against Kubernetes' own types
	go test -C compose/kubernetes/check ./...

.PHONY: lint
lint: ## vet, gofmt and golangci-lint
	@.ci/deps lint
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt these: $$unformatted"; exit 1; }
	$(BIN)/golangci-lint run ./...

.PHONY: cross
cross: ## build for every system we promise
	for target in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do \
		CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build -o /dev/null ./cmd/docuvault && echo "$$target builds"; \
	done

.PHONY: vulnerabilities
vulnerabilities: ## look for known vulnerabilities in what we use, or say loudly that nobody looked
	@.ci/vulnerabilities

.PHONY: sbom
sbom: build ## build, and write bin/docuvault.cdx.json: what is in the program, with licences, as CycloneDX
	@.ci/deps sbom
	$(BIN)/cyclonedx-gomod bin -json -licenses -std -version '$(VERSION)' -output bin/docuvault.cdx.json bin/docuvault

.PHONY: check
check: lint cross test kubernetes vulnerabilities ## what CI runs, without containers

.PHONY: nightly
nightly: ## what takes long: every fuzz target for FUZZTIME (5m unless set), and vulnerabilities
	$(MAKE) fuzz FUZZTIME=$(if $(filter command line environment,$(origin FUZZTIME)),$(FUZZTIME),5m)
	$(MAKE) vulnerabilities

.PHONY: bench
bench: test-deps ## measure against the bare operations, in one run, and print a table of ratios
	@mkdir -p bin && rm -f bin/bench.txt
	@BENCH_TABLE=$(CURDIR)/bin/bench.txt go test -p 1 -tags bench -run '^TestBench' -count=1 -v -timeout 60m ./internal/bench ./adapters/postgres || ended=$$?; \
	echo; cat bin/bench.txt; exit $${ended:-0}

.PHONY: bench-celery
bench-celery: test-deps ## measure the Celery library against Python's Celery and against bare Redis commands, in one run
	go test -p 1 -tags bench -run '^TestBenchCelery$$' -count=1 -v -timeout 30m ./adapters/celery

.PHONY: bench-classify
bench-classify: ## file made-up papers and print how many are filed right, by how many the classifier was shown
	go test -p 1 -tags bench -run '^TestBenchClassify$$' -count=1 -v -timeout 10m ./adapters/classify

.PHONY: bench-extract
bench-extract: test-deps ## measure reading against pdftotext and native Tesseract, and a worker against two; CORPUS_DIR adds its PDFs
	@.ci/deps bench
	CORPUS_DIR=$${CORPUS_DIR:+$$(realpath "$$CORPUS_DIR")} go test -tags bench -run '^TestBench(Extract|Thumbnails|Workers)$$' -count=1 -v -timeout 30m -p 1 ./adapters/extract ./adapters/extract/formats ./internal/bench

.PHONY: chaos
chaos: export CHAOS_TASKS ?= 2000
chaos: export CHAOS_DOCUMENTS ?= 300
chaos: export CHAOS_TROUBLE ?= 60s
chaos: export CHAOS_UPLOADS ?= 10000
chaos: test-deps ## kill and starve everything under load and count what is lost; CHAOS_SEED repeats a run
	go test -tags chaos -count=1 -v -timeout 60m ./internal/chaos

.PHONY: fuzz
FUZZTIME ?= 30s
# Making an input of some kilobytes smaller takes a minute unless it is told otherwise, in which nothing new is tried.
fuzz: ## fuzz every parser of outside input, FUZZTIME each
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep ^Fuzz || true); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$pkg; \
		done; \
	done

.PHONY: corpus
corpus: ## read the sample documents in CORPUS_DIR and print what came of each, hostile ones apart
	@test -n "$${CORPUS_DIR:-}" || { echo 'say where the samples are: make corpus CORPUS_DIR=…'; exit 2; }
	CORPUS_DIR=$$(realpath "$$CORPUS_DIR") go test -tags corpus -run '^TestCorpus$$' -count=1 -v -timeout 30m ./adapters/extract
